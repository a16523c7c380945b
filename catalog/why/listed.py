"""Explain by ranked lists: the query that chose a sample, what it competed with, how far it was."""

from typing import Any

from catalog.progress import Progress
from catalog.sql import load
from catalog.store import Store
from catalog.why.barred import barred
from catalog.why.explanation import AROUND, Explanation, as_told, more_members
from catalog.why.past import Past
from catalog.why.walk import Standing, Walk


def explain_listed(told: Explanation, seen: Past, row: dict[str, Any], progress: Progress) -> None:
    """Explain a sample of a snapshot that walked ranked lists.

    Args:
        told: the explanation so far; it is completed.
        seen: the snapshot and what it saw.
        row: of `queries/explain/samples.sql`, the sample's.
        progress: is told how far scoring is.

    Raises:
        CatalogError: the lists cannot be ranked again.
    """
    with Store(seen.home).read() as reader:
        [extent] = reader.rows(load("explain/extent"), snapshot_id=seen.snapshot.snapshot_id)
    last_turn = extent["last_turn"]
    walk = Walk(seen, last_turn, (told.reason.get("rank") or 0) + AROUND, progress)
    standings = walk.standings([row["sample_id"]]).get(row["sample_id"], [])
    if not standings:
        told.verdict.append("not chosen: it lacks what the ranking needs, such as a vector")
        return
    names = _queries(seen, standings)
    told.lists = [_list_row(one, names, last_turn, row["turn"]) for one in standings]
    if told.chosen:
        own = row["turn"] % walk.lists
        chief = next(one for one in standings if one.list == own)
        told.verdict += _why_chosen(told, chief, walk, names)
        _check_stored(told, chief)
    else:
        chief = standings[0]
        told.verdict += _why_not(told, seen, row, standings, walk, last_turn, names)
    told.competitors = _competitors(seen, walk, chief, row["sample_id"])


def _queries(seen: Past, standings: list[Standing]) -> dict[int, dict[str, Any]]:
    with Store(seen.home).read() as reader:
        rows = reader.rows(
            load("explain/queries"), queries=sorted({one.query_id for one in standings})
        )
    return {row["query_id"]: row for row in rows}


def _list_row(
    one: Standing, names: dict[int, dict[str, Any]], last_turn: int, turn: int | None
) -> dict[str, Any]:
    query = names.get(one.query_id, {})
    if one.turn == turn:
        fate = "took it"
    elif turn is not None and one.turn <= last_turn:
        fate = "later"
    else:
        fate = "passed over" if one.rank <= one.reached else "not reached"
    return {
        "task": one.task,
        "query": query.get("query"),
        "query_position": query.get("query_position"),
        "rank": one.rank,
        "score": one.score,
        "turn": one.turn,
        "reached": one.reached,
        "needed_score": one.needed_score,
        "fate": fate,
        "query_messages": as_told(query).get("messages"),
    }


def named(query: dict[str, Any]) -> str:
    """Return what people call a query."""
    place = query.get("query_position")
    number = f"number {place}" if place is not None else "a query"
    return str(query.get("query") or number)


def _why_chosen(
    told: Explanation, chief: Standing, walk: Walk, names: dict[int, dict[str, Any]]
) -> list[str]:
    query = named(names.get(chief.query_id, {}))
    said = [
        f"chosen: position {told.position:,} of {told.size:,}, at turn {told.reason['turn']:,}",
        f"by query {query} of task {chief.task}: score {chief.score:.6f}, rank {chief.rank:,} of "
        f"{'its list' if walk.lists > 1 else 'the list'}",
    ]
    others = [row for row in told.lists if row["fate"] != "took it"]
    later = [row for row in others if row["fate"] == "later"]
    if others:
        turn = f"turn {others[0]['turn']:,}"
        rest = "the other list" if len(others) == 1 else f"the other {len(others):,} lists"
        said.append(
            f"of {rest}, {len(later):,} came to it later, the first at {turn}"
            if later
            else f"no turn of {rest} came to it, the first would have at {turn}"
        )
    return said


def _check_stored(told: Explanation, chief: Standing) -> None:
    """Note where what is computed today is not what is stored."""
    stored = told.reason
    drift = abs(chief.score - stored["score"]) > 1e-6 * abs(stored["score"])
    if chief.rank != stored["rank"] or drift:
        told.notes.append(
            f"stored are score {stored['score']:.6f} and rank {stored['rank']:,}: vectors have "
            f"changed since; see `catalog reproduce {told.snapshot}`"
        )


def _why_not(
    told: Explanation,
    seen: Past,
    row: dict[str, Any],
    standings: list[Standing],
    walk: Walk,
    last_turn: int,
    names: dict[int, dict[str, Any]],
) -> list[str]:
    best = standings[0]
    if seen.constrained and any(one.rank <= one.reached for one in standings):
        return ["not chosen: a list came to it and passed it over", *barred(seen, row)]
    where = f"query {named(names.get(best.query_id, {}))} of task {best.task}"
    said = [
        f"not chosen: its best turn is {best.turn:,}, the last was {last_turn:,}",
        f"in the list of {where} it is at rank {best.rank:,} with score {best.score:.6f}",
    ]
    if best.needed_score is not None:
        said.append(
            f"that list came to rank {best.reached:,}: it would have needed more than "
            f"{best.needed_score:.6f} there"
        )
    least, most = walk.members_before(best.turn)
    if bars := barred(seen, row):
        said += ["no number of members would have taken it:", *bars]
    elif seen.constrained:
        said.append(f"about {max(most + 1 - told.size, 1):,} more members would have taken it")
    elif least == most:
        said.append(f"{more_members(most + 1 - told.size)} would have taken it")
    else:
        said.append(f"{least + 1 - told.size:,} to {most + 1 - told.size:,} more members would")
    return said


def _competitors(seen: Past, walk: Walk, chief: Standing, sample_id: int) -> list[dict[str, Any]]:
    """Return the samples about one in a list, each with its own fate."""
    window = walk.window(chief.list, chief.rank, AROUND)
    if not window:  # far beyond what was walked: show what took the last place instead
        window = walk.window(chief.list, max(chief.reached, 0), AROUND)
    ids = [entry["sample_id"] for entry in window]
    with Store(seen.home).read() as reader:
        rows = reader.rows(
            load("explain/samples"), snapshot_id=seen.snapshot.snapshot_id, samples=ids
        )
    known = {row["sample_id"]: row for row in rows}
    told = []
    for entry in window:
        row = known[entry["sample_id"]]
        told.append(
            {
                "rank": entry["rank"],
                "score": entry["score"],
                "hash": row["hash"],
                "source": row["source"],
                "external_id": row["external_id"],
                "fate": _fate(row, entry, walk, chief),
                "this": entry["sample_id"] == sample_id,
                "messages": as_told(row)["messages"],
            }
        )
    return told


def _fate(row: dict[str, Any], entry: dict[str, Any], walk: Walk, chief: Standing) -> str:
    if row["position"] is None:
        turn = entry["rank"] * walk.lists + entry["list"]
        return f"not chosen, due at turn {turn:,}"
    if row["turn"] % walk.lists == chief.list:
        return f"taken here at turn {row['turn']:,}"
    query = row["query"] or (
        f"number {row['query_position']}" if row["query_position"] is not None else "another"
    )
    return f"taken at turn {row['turn']:,} by {row['task']} {query}"
