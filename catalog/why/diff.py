"""Diff: what came in, went out and moved between two snapshots, and why each row did."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from catalog.errors import InvalidInput
from catalog.home import Home
from catalog.progress import Progress
from catalog.references import Part, TaskReference
from catalog.sql import load
from catalog.store import Store
from catalog.why.absent import Absent
from catalog.why.explanation import as_told
from catalog.why.past import Past, past

Rows = list[dict[str, Any]]

REASONS = {
    "came": {
        "added_later": "new in the pool since",
        "retired": "retired then, restored since",
        "where": "did not fit the condition then",
        "not_in": "left out by --not-in then",
        "contaminated": "excluded as contaminated then",
        "no_vector": "without a vector in the space then",
        "no_score": "without a score that the rule needed then",
        "passed_over": "passed over then: source full, or too near to a member",
        "beyond": "beyond the cut then",
        "not_given": "not given by the statement or rule then",
        "not_taken": "not taken from any part then",
        "unknown": "not chosen then; why cannot be told",
    },
    "went": {
        "added_later": "not yet in the pool",
        "retired": "retired",
        "where": "now excluded: does not fit the condition",
        "not_in": "now excluded: in what --not-in leaves out",
        "contaminated": "now excluded: contaminated",
        "no_vector": "without a vector in the space",
        "no_score": "without a score that the rule needs",
        "passed_over": "passed over: source full, or too near to a member",
        "beyond": "displaced: beyond the cut",
        "not_given": "not given by the statement or rule",
        "not_taken": "not taken from any part",
        "unknown": "not chosen; why cannot be told",
    },
    "moved": {
        "shifted": "shifted by what came and went before it",
        "requeried": "chosen by another query",
        "rescored": "its score changed",
        "reordered": "its turn changed",
    },
}
"""What the reasons are called, in the order in which they are told."""


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
    sides = {
        "came": Absent(came, old, progress, notes),
        "went": Absent(went, new, progress, notes),
    }
    asked = {"came": sides["came"].reasoned(), "went": sides["went"].reasoned(), "moved": moved}
    examples = {}
    with Store(home).read() as reader:
        for name, table in asked.items():
            reader.register("asked", table)
            examples[name] = reader.rows(load("diff/rows"), **ids, count=limit)
    for name, side in sides.items():
        side.measure(examples[name])
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


def _counted(kind: str, table: pa.Table) -> Rows:
    found = table["reason"].value_counts().to_pylist()
    counts = {row["values"]: row["counts"] for row in found}
    return [
        {"reason": reason, "said": said, "rows": counts[reason]}
        for reason, said in REASONS[kind].items()
        if reason in counts
    ]


def _recipes(old: Past, new: Past) -> Rows:
    """Return the fields in which two recipes differ, those of two spaces one by one."""
    apart = old.recipe.space is not None and new.recipe.space is not None
    one, other = _flat(old, apart=apart), _flat(new, apart=apart)
    if old.recipe.method == new.recipe.method and not {"sql", "rule", "parts"} & {*one}:
        # The same method by name, though the rule that ships may have changed.
        one["text of the rule"], other["text of the rule"] = old.snapshot.rule, new.snapshot.rule
    return [
        {"field": name, "before": one.get(name), "after": other.get(name)}
        for name in dict.fromkeys([*one, *other])
        if one.get(name) != other.get(name)
    ]


def _flat(seen: Past, *, apart: bool) -> dict[str, Any]:
    """Return a recipe's fields as people compare them; a space's `apart`, or as its name."""
    recipe = seen.recipe
    flat = {name: value for name, value in recipe.plain().items() if value not in _UNUSED}
    if recipe.space is not None and apart:
        flat |= {f"space.{name}": value for name, value in recipe.space.items()}
    named = seen.space.name if seen.space is not None else None
    flat["space"] = None if apart or recipe.space is None else named or recipe.space["model"]
    flat["tasks"] = ", ".join(map(_task, recipe.tasks)) or None
    flat["parts"] = ", ".join(map(_part, recipe.parts)) or None
    flat["not_in"] = ", ".join(f"{one.name} ({one.digest[:8]})" for one in recipe.not_in) or None
    return flat


_UNUSED: tuple[object, ...] = (None, [], {}, False)


def _task(task: TaskReference) -> str:
    role = ":heldout" if task.role == "heldout" else ""
    return f"{task.name}{role} ({task.digest[:8]})"


def _part(part: Part) -> str:
    amount = f"{part.count}" if part.share is None else f"{part.share:.6g}"
    return f"{part.snapshot}={amount} ({part.digest[:8]})"


def _pools(old: Past, new: Past) -> tuple[dict[str, int], str | None]:
    """Return what changed between two pools, and which of them is newer."""
    clocks = old.snapshot.pool_change_id, new.snapshot.pool_change_id
    if clocks[0] == clocks[1]:
        return {}, None
    with Store(old.home).read() as reader:
        [row] = reader.rows(load("diff/pools"), first=min(clocks), last=max(clocks))
    return row, "after" if clocks[1] > clocks[0] else "before"
