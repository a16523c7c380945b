"""Diff: what came in, went out and moved between two snapshots, and why each row did."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from catalog.errors import CatalogError, InvalidInput
from catalog.home import Home
from catalog.progress import Progress
from catalog.sql import load
from catalog.store import Store
from catalog.why.absence import absences
from catalog.why.distance import Distance, distances
from catalog.why.explanation import as_told
from catalog.why.past import Past, past

Rows = list[dict[str, Any]]

BEYOND = {"came": "rose", "went": "displaced"}
"""Reasons of rows that both could have chosen, and one did not."""

REASONS = {
    "came": {
        "added_later": "new in the pool since",
        "retired": "was retired then, and is restored",
        "where": "did not fit the condition then",
        "not_in": "was left out by --not-in then",
        "contaminated": "was excluded as contaminated then",
        "no_vector": "had no vector in the space then",
        "no_score": "had no score then",
        "rose": "was beyond the cut then",
        "unknown": "why it was not chosen then cannot be told",
    },
    "went": {
        "added_later": "not yet in the pool",
        "retired": "retired",
        "where": "now excluded: does not fit the condition",
        "not_in": "now excluded: in what --not-in leaves out",
        "contaminated": "now excluded: contaminated",
        "no_vector": "has no vector in the space",
        "no_score": "has no score that the rule needs",
        "displaced": "displaced: beyond the cut",
        "unknown": "why it is not chosen cannot be told",
    },
    "moved": {
        "shifted": "shifted by what came and went before it",
        "requeried": "chosen by another query",
        "rescored": "its score changed",
        "reordered": "its turn changed",
    },
}
"""What the reasons are called."""


@dataclass(frozen=True)
class Difference:
    """What two snapshots differ in.

    Attributes:
        before: `name@version`.
        after: `name@version`.
        identical: the same members in the same order.
        totals: before, after, came, went, moved, stayed: members.
        recipe: what was asked for otherwise: field, before, after.
        pools: what changed in the catalog between the pools they saw, in numbers.
        pool_is_newer: of which the pool is newer, `before` or `after`; None if it is the same.
        reasons: of each of came, went, moved: reason, said, rows; the rows add up to the totals.
        examples: of each of came, went, moved: a few rows of each reason, with text.
        notes: what cannot be told, and why.
    """

    before: str
    after: str
    identical: bool
    totals: dict[str, int]
    recipe: Rows
    pools: dict[str, int]
    pool_is_newer: str | None
    reasons: dict[str, Rows]
    examples: dict[str, Rows]
    notes: list[str]


def diff(home: Home, before: str, after: str, limit: int, progress: Progress) -> Difference:
    """Say what came in, went out and moved from one snapshot to another, and why.

    Args:
        home: the catalog's.
        before: `name@version`, or `name` for the newest.
        after: the same; it may be of another name.
        limit: examples of each reason.
        progress: is told how far scoring is.

    Raises:
        UnknownName: there is no such snapshot.
    """
    if limit < 0:
        raise InvalidInput(f"limit is {limit}", hint="Give 0 or more examples of each reason.")
    old, new = past(home, before), past(home, after)
    ids = {"before": old.snapshot.snapshot_id, "after": new.snapshot.snapshot_id}
    with Store(home).read() as reader:
        [totals] = reader.rows(load("diff/totals"), **ids)
        only = {"holder": ids["after"], "other": ids["before"]}
        came = reader.arrow(load("diff/only"), **only)
        went = reader.arrow(load("diff/only"), holder=ids["before"], other=ids["after"])
        moved = reader.arrow(load("diff/moved"), **ids)
    notes: list[str] = []
    asked = {
        "came": _reasoned(came, old, BEYOND["came"], notes),
        "went": _reasoned(went, new, BEYOND["went"], notes),
        "moved": moved,
    }
    examples = {}
    with Store(home).read() as reader:
        for name, table in asked.items():
            reader.register("asked", table)
            examples[name] = reader.rows(load("diff/rows"), **ids, count=limit)
    _add_distances(examples["came"], BEYOND["came"], old, notes, progress)
    _add_distances(examples["went"], BEYOND["went"], new, notes, progress)
    pools, newer = _pools(old, new)
    return Difference(
        str(old.snapshot),
        str(new.snapshot),
        old.snapshot.digest == new.snapshot.digest,
        totals,
        _recipes(old, new),
        pools,
        newer,
        {name: _counted(name, table) for name, table in asked.items()},
        {name: [as_told(row) for row in rows] for name, rows in examples.items()},
        list(dict.fromkeys(notes)),
    )


def _reasoned(rows: pa.Table, other: Past, beyond: str, notes: list[str]) -> pa.Table:
    """Add why the other snapshot does not hold each of some samples."""
    if not len(rows):
        return rows.append_column("reason", pa.array([], pa.string()))
    try:
        reasons = absences(other, np.asarray(rows["sample_id"].to_numpy()))["reason"]
        told = reasons.fill_null(beyond)
    except CatalogError as error:
        notes.append(f"the pool of {other.snapshot} cannot be looked at: {error.message}")
        told = pa.array(["unknown"] * len(rows))
    return rows.append_column("reason", told)


def _counted(kind: str, table: pa.Table) -> Rows:
    found = table["reason"].value_counts().to_pylist()
    counts = {row["values"]: row["counts"] for row in found}
    return [
        {"reason": reason, "said": said, "rows": counts[reason]}
        for reason, said in REASONS[kind].items()
        if reason in counts
    ]


def _add_distances(
    rows: Rows, beyond: str, other: Past, notes: list[str], progress: Progress
) -> None:
    """Add to examples how far the other snapshot was from taking them."""
    wanted = [row["sample_id"] for row in rows if row["reason"] == beyond]
    if not wanted or other.recipe.parts:
        return
    try:
        found: dict[int, Distance] = distances(other, wanted, progress)
    except CatalogError as error:
        notes.append(f"how far {other.snapshot} was cannot be computed: {error.message}")
        return
    for row in rows:
        if row["sample_id"] in found:
            row["distance"] = vars(found[row["sample_id"]])


def _recipes(old: Past, new: Past) -> Rows:
    """Return the fields in which two recipes differ, those of a space one by one."""
    one, other = _flat(old), _flat(new)
    return [
        {"field": name, "before": one.get(name), "after": other.get(name)}
        for name in dict.fromkeys([*one, *other])
        if one.get(name) != other.get(name)
    ]


def _flat(seen: Past) -> dict[str, Any]:
    plain = json.loads(seen.recipe.json())
    space = plain.pop("space", None) or {}
    tasks = plain.pop("tasks", None) or []
    flat = {name: value for name, value in plain.items() if value not in (None, [], {}, False)}
    flat |= {f"space.{name}": value for name, value in space.items()}
    flat["tasks"] = ", ".join(map(_task, tasks)) or None
    if seen.recipe.sql is None and seen.recipe.rule is None:
        flat["text of the rule"] = seen.snapshot.rule
    return flat


def _task(task: dict[str, str]) -> str:
    role = ":heldout" if task["role"] == "heldout" else ""
    return f"{task['name']}{role} ({task['digest'][:8]})"


def _pools(old: Past, new: Past) -> tuple[dict[str, int], str | None]:
    """Return what changed between two pools, and which of them is newer."""
    clocks = old.snapshot.pool_change_id, new.snapshot.pool_change_id
    if clocks[0] == clocks[1]:
        return {}, None
    with Store(old.home).read() as reader:
        [row] = reader.rows(load("diff/pools"), first=min(clocks), last=max(clocks))
    return row, "after" if clocks[1] > clocks[0] else "before"
