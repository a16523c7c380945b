"""Explain by one order: rules that draw, sort or compute, rather than walk ranked lists."""

from hashlib import md5
from typing import Any

from catalog.progress import Progress
from catalog.sql import load
from catalog.store import Store
from catalog.why.barred import barred
from catalog.why.explanation import AROUND, Explanation, as_told, more_members
from catalog.why.past import Past
from catalog.why.whole import Whole

DRAWN = ("random", "balanced")
NOT_GIVEN = {
    "ifd": "its IFD is above 1: the prompt makes the answer harder to predict, and such are "
    "left out",
    "ppl_mid": "it is among the 33% of highest perplexity, which are passed over",
}


def explain_ordered(told: Explanation, seen: Past, row: dict[str, Any], progress: Progress) -> None:
    """Explain a sample of a snapshot whose rule gives one order.

    Args:
        told: the explanation so far; it is completed.
        seen: the snapshot and what it saw.
        row: of `queries/explain/samples.sql`, the sample's.
        progress: is told how far scoring is.

    Raises:
        CatalogError: the rule cannot be run again.
    """
    whole = Whole(seen, progress)
    own = whole.of([row["sample_id"]]).get(row["sample_id"])
    with Store(seen.home).read() as reader:
        [last] = reader.rows(
            load("explain/members"),
            snapshot_id=seen.snapshot.snapshot_id,
            first=seen.snapshot.size - 1,
            last=seen.snapshot.size - 1,
        )
    if told.chosen:
        place = own["place"] if own else None
        told.verdict += _why_chosen(told, seen, last, place, len(whole))
    else:
        told.verdict += _why_not(told, seen, row, own, last, whole)
    if own is not None:
        told.competitors = _competitors(seen, whole, own["place"], row["sample_id"])


def _why_chosen(
    told: Explanation, seen: Past, last: dict[str, Any], place: int | None, given: int
) -> list[str]:
    said = [f"chosen: position {told.position:,} of {told.size:,}"]
    if value := _value(seen, told.reason, told.sample["hash"]):
        said.append(f"{value}; the last member has {_value(seen, last, last['hash'])}")
    if told.reason["task"] and told.reason["query"]:
        said.append(f"best for query {told.reason['query']} of task {told.reason['task']}")
    if place is not None:
        passed = place - (told.position or 0)
        said.append(
            f"it comes at place {place:,} of the {given:,} that the rule puts in order"
            + (f"; {passed:,} before it were passed over" if passed > 0 else "")
        )
    return said


def _why_not(
    told: Explanation,
    seen: Past,
    row: dict[str, Any],
    own: dict[str, Any] | None,
    last: dict[str, Any],
    whole: Whole,
) -> list[str]:
    if own is None:
        method = seen.recipe.method
        otherwise = "the statement does not give it" if seen.rule.own else "the rule leaves it out"
        return [f"not chosen: {NOT_GIVEN.get(method, otherwise)}"]
    end = whole.of([last["sample_id"]]).get(last["sample_id"])
    if end is not None and own["place"] < end["place"]:
        return ["not chosen: it was passed over", *barred(seen, row)]
    said = [
        f"not chosen: it comes at place {own['place']:,} of {len(whole):,}, the last member at "
        f"{end['place'] if end else told.size - 1:,}"
    ]
    if value := _value(seen, own, told.sample["hash"]):
        said.append(f"{value}; the last member has {_value(seen, last, last['hash'])}")
    if bars := barred(seen, row):
        return [*said, "no number of members would have taken it:", *bars]
    ahead = own["place"] - (end["place"] if end else told.size - 1)
    about = "at most " if seen.constrained else ""
    said.append(f"{about}{more_members(ahead)} would have taken it")
    return said


def _value(seen: Past, row: dict[str, Any], sample_hash: str) -> str:
    """Return what orders a sample: its score, or what was drawn for it."""
    if row["score"] is not None:
        return f"score {row['score']:.6g}"
    if seen.recipe.method in DRAWN:
        drawn = md5(f"{seen.recipe.seed}{sample_hash}".encode()).hexdigest()[:12]
        rank = f" (number {row['rank']:,} of its source)" if row["rank"] is not None else ""
        return f"draw {drawn}…{rank}"
    return f"turn {row['turn']:,}" if row["turn"] is not None else ""


def _competitors(seen: Past, whole: Whole, place: int, sample_id: int) -> list[dict[str, Any]]:
    """Return the samples about one in the order, each with its own fate."""
    window = whole.window(place, AROUND)
    ids = [entry["sample_id"] for entry in window]
    with Store(seen.home).read() as reader:
        rows = reader.rows(
            load("explain/samples"), snapshot_id=seen.snapshot.snapshot_id, samples=ids
        )
    known = {row["sample_id"]: row for row in rows}
    return [
        {
            "rank": entry["place"],
            "score": entry["score"],
            "hash": (row := known[entry["sample_id"]])["hash"],
            "source": row["source"],
            "external_id": row["external_id"],
            "fate": "not chosen" if row["position"] is None else f"position {row['position']:,}",
            "this": entry["sample_id"] == sample_id,
            "messages": as_told(row)["messages"],
        }
        for entry in window
    ]
