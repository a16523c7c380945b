"""What an explanation holds, for people and programs alike."""

from dataclasses import dataclass, field
from typing import Any

from catalog.identity import plain_messages

Rows = list[dict[str, Any]]
AROUND = 3
"""Neighbours shown on each side."""


@dataclass
class Explanation:
    """Why a sample is a member of a snapshot, or why not.

    Attributes:
        snapshot: `name@version`.
        method: how its members were chosen, in words.
        size: how many members it has.
        sample: hash, source, external_id, messages, and why it was retired, if it is.
        position: of the member, from 0; None if it is none.
        reason: what is stored of it: task, query, query_position, query_messages, score, rank,
            turn, repeats.
        absence: why it was not in the pool that was chosen from, one of `ABSENCES`, or None.
        verdict: the answer, in sentences.
        lists: where it stands in every ranked list, by turn: task, query, rank, score, turn,
            reached, needed_score.
        competitors: the samples about it in the list that took it, or would have first: rank,
            score, hash, source, text, and their own fate.
        neighbours: the members about it in order, or about the cut.
        parts: of a mix: what each part says of it.
        notes: what cannot be told, and why.
    """

    snapshot: str
    method: str
    size: int
    sample: dict[str, Any]
    position: int | None = None
    reason: dict[str, Any] = field(default_factory=dict)
    absence: str | None = None
    verdict: list[str] = field(default_factory=list)
    lists: Rows = field(default_factory=list)
    competitors: Rows = field(default_factory=list)
    neighbours: Rows = field(default_factory=list)
    parts: list["Explanation"] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def chosen(self) -> bool:
        """Whether the sample is a member."""
        return self.position is not None


def as_told(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row for people and programs: without inner keys, its messages as they were."""
    inner = ("sample_id", "query_id", "list", "lists")
    told = {name: value for name, value in row.items() if name not in inner}
    if told.get("messages") is not None:
        told["messages"] = plain_messages(told["messages"])
    return told


def more_members(count: int) -> str:
    """Return a number of members with its noun.

    >>> more_members(1), more_members(1200)
    ('1 more member', '1,200 more members')
    """
    return f"{count:,} more member{'s' if count != 1 else ''}"
