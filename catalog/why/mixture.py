"""Explain mixes: which part gave a sample, or which parts could not."""

from catalog.errors import UnknownName
from catalog.home import Home
from catalog.sql import load
from catalog.store import Store
from catalog.why.explanation import Explanation
from catalog.why.past import Past, past


def parts_of(seen: Past) -> tuple[list[Past], list[str]]:
    """Return the parts of a mix that are still here, in order, and what the others were called."""
    here, gone = [], []
    for part in seen.recipe.parts:
        reference = _held_as(seen.home, part.digest)
        try:
            here.append(past(seen.home, reference or part.snapshot))
        except UnknownName:
            gone.append(part.snapshot)
    return here, gone


def _held_as(home: Home, digest: str) -> str | None:
    """Return how a snapshot with this content is called now: parts may have been renamed."""
    with Store(home).read() as reader:
        rows = reader.rows(load("explain/by_digest"), digest=digest)
    return rows[0]["snapshot"] if rows else None


def verdict(told: Explanation, parts: list[Explanation]) -> list[str]:
    """Say which parts of a mix hold a sample, in sentences."""
    holding = [part for part in parts if part.chosen]
    held = "; ".join(f"{part.snapshot} holds it at position {part.position:,}" for part in holding)
    if not told.chosen:
        return [
            f"not chosen: {held}, beyond what was taken of it"
            if holding
            else "not chosen: no part holds it"
        ]
    times = told.reason.get("repeats") or 1
    again = f", counted {times} times" if times > 1 else ""
    said = [f"chosen: position {told.position:,} of {told.size:,}{again}"]
    # A member's rank in a mix is its place in the part that gave it.
    givers = [part for part in holding if part.position == told.reason["rank"]]
    if givers:
        said.append(
            f"given by {givers[0].snapshot}, where it is at position {givers[0].position:,}"
        )
    return said
