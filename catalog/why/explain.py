"""Explain: why a snapshot holds a sample, or how far it was from holding it."""

from typing import Any

import numpy as np

from catalog.errors import CatalogError
from catalog.home import Home
from catalog.identity import plain_messages
from catalog.progress import Progress
from catalog.show import in_words
from catalog.sql import load
from catalog.store import Store
from catalog.why.absence import ABSENCES, absences
from catalog.why.explanation import AROUND, Explanation, as_told
from catalog.why.find import the_sample
from catalog.why.listed import explain_listed
from catalog.why.mixture import parts_of, verdict
from catalog.why.ordered import explain_ordered
from catalog.why.past import Past, past


def explain(home: Home, reference: str, sample: str, progress: Progress) -> Explanation:
    """Say why a snapshot holds a sample, or how far it was from holding it.

    Args:
        home: the catalog's.
        reference: `name@version`, or `name` for the newest.
        sample: its content hash, at least 8 digits of it, or an external id.
        progress: is told how far scoring is.

    Raises:
        UnknownName: there is no such snapshot or sample.
        InvalidInput: the sample's reference stands for several.
    """
    seen = past(home, reference)
    with Store(home).read() as reader:
        sample_id = int(the_sample(reader, sample)["sample_id"])
    return explained(seen, sample_id, progress)


def explained(seen: Past, sample_id: int, progress: Progress) -> Explanation:
    """Explain one sample, known by its id."""
    told, row = _stored(seen, sample_id)
    if seen.recipe.parts:
        here, gone = parts_of(seen)
        told.parts = [explained(part, sample_id, progress) for part in here]
        told.verdict += verdict(told, told.parts)
        told.notes += [f"the part {name} is not here any more" for name in gone]
    elif not told.chosen and (absence := _absence(seen, sample_id, told)):
        told.absence = absence
        told.verdict.append(f"not chosen: it {_told(absence, told, seen)}")
    else:
        _recompute(told, seen, row, progress)
    _add_neighbours(told, seen)
    return told


def _stored(seen: Past, sample_id: int) -> tuple[Explanation, dict[str, Any]]:
    """Return what is stored of a sample: itself, and why it is a member if it is one."""
    snapshot = seen.snapshot
    with Store(seen.home).read() as reader:
        [row] = reader.rows(
            load("explain/samples"), snapshot_id=snapshot.snapshot_id, samples=[sample_id]
        )
        queries = reader.rows(load("explain/queries"), queries=[row["query_id"] or 0])
        retired = reader.rows(
            "select reason, change_id from retired where sample_id = $id", id=sample_id
        )
    sample = {name: row[name] for name in ("hash", "source", "external_id")}
    sample["messages"] = plain_messages(row["messages"])
    sample["retired"] = retired[0]["reason"] if retired else None
    told = Explanation(str(snapshot), in_words(snapshot.recipe), snapshot.size, sample)
    if row["position"] is not None:
        told.position = row["position"]
        names = ("task", "query", "query_position", "score", "rank", "turn", "repeats")
        told.reason = {name: row[name] for name in names}
        text = plain_messages(queries[0]["messages"]) if queries else None
        told.reason["query_messages"] = text
        if row["query_id"] is not None and text is None:
            told.notes.append("the query that chose it is not in the catalog any more")
    return told, row


def _absence(seen: Past, sample_id: int, told: Explanation) -> str | None:
    try:
        [found] = absences(seen, np.array([sample_id]))["reason"].to_pylist()
    except CatalogError as error:
        told.notes.append(f"whether it was in the pool cannot be told: {error.message}")
        return None
    return str(found) if found is not None else None


def _told(absence: str, told: Explanation, seen: Past) -> str:
    """Say why a sample was not in the pool, with what it was measured by."""
    more = ""
    if absence == "where":
        more = f": {' '.join((seen.recipe.where or '').split())}"
    if absence == "not_in":
        more = f": {', '.join(one.name for one in seen.recipe.not_in)}"
    if absence == "contaminated":
        more = f": {_evidence(told, seen)}"
    if absence == "no_vector" and seen.space is not None:
        more = f" {seen.space.name}"
    return ABSENCES[absence] + more


def _evidence(told: Explanation, seen: Past) -> str:
    with seen.store.read() as reader:
        rows = reader.rows(
            "select task, role, kind, part, evidence from contaminated where hash = $hash "
            "order by task, role, query_id, kind, part limit 3",
            hash=told.sample["hash"],
        )
    return "; ".join(
        f"{row['task']} ({row['role']}), {row['kind']} in the {row['part']}" for row in rows
    )


def _recompute(told: Explanation, seen: Past, row: dict[str, Any], progress: Progress) -> None:
    """Score and rank again what the snapshot saw; what is stored stands if that cannot be done."""
    try:
        if seen.rule.walks:
            explain_listed(told, seen, row, progress)
        else:
            explain_ordered(told, seen, row, progress)
    except CatalogError as error:
        told.notes.append(f"the ranking cannot be computed again: {error.message}")
        if not told.verdict:
            told.verdict.append(
                _from_store(told) if told.chosen else "not chosen; how far it was cannot be told"
            )


def _from_store(told: Explanation) -> str:
    """Say what is stored of a member."""
    facts = [
        f"{name} {value:.4f}" if isinstance(value, float) else f"{name} {value}"
        for name, value in told.reason.items()
        if name in ("task", "query", "score", "rank", "turn") and value is not None
    ]
    kept = f", {', '.join(facts)}" if facts else ""
    return f"chosen: position {told.position:,} of {told.size:,}{kept}"


def _add_neighbours(told: Explanation, seen: Past) -> None:
    """Add the members about the sample, or about the cut."""
    at = told.size - 1 if told.position is None else told.position
    with Store(seen.home).read() as reader:
        rows = reader.rows(
            load("explain/members"),
            snapshot_id=seen.snapshot.snapshot_id,
            first=at - AROUND,
            last=at + AROUND if told.chosen else at,
        )
    told.neighbours = [as_told(row) for row in rows]
