"""What a check found, as values."""

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from catalog.contamination.boilerplate import phrases
from catalog.contamination.items import PARTS, Checked, Vocabulary
from catalog.contamination.recall import Recall
from catalog.model import Role, Task
from catalog.sql import load
from catalog.store import Reader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PHRASES = 5
EXAMPLES = 5


@dataclass(frozen=True)
class Findings:
    """What is known of a task's items and of the gate, beside the marks; kept with the check.

    Attributes:
        items: how many the task has.
        too_short: by part, how many items have words there and too few to look for.
        generic: how many of these are questions without a rare word.
        unchecked: how many items have nothing to look for in any part.
        boilerplate: by part, the commonest phrases left out of account, and how often they stand.
        recall: what the gate finds of leaks planted on purpose.
        problem: why vectors could not be tried on planted leaks, if they were to be.
        seconds: how long the look through the pool took, for all tasks of that command.
    """

    items: int
    too_short: dict[str, int]
    generic: int
    unchecked: int
    boilerplate: dict[str, list[tuple[str, int]]]
    recall: list[Recall]
    problem: str | None
    seconds: float

    @classmethod
    def from_json(cls, stored: "Mapping[str, Any]") -> "Findings":
        """Build it from what `as_json` gave."""
        names = {field.name for field in fields(cls)} - {"recall"}
        return cls(
            **{name: stored[name] for name in names},
            recall=[Recall(**one) for one in stored["recall"]],
        )

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self)


@dataclass(frozen=True)
class Example:
    """One mark, with both texts.

    Attributes:
        source: of the sample.
        hash: of the sample, hexadecimal.
        kind: `ngram`, `whole` or `cosine`.
        part: of the item.
        score: the share of the item's runs that the sample has, or the cosine.
        evidence: what both have.
        sample: what the sample says.
        item: what the item says.
    """

    source: str
    hash: str
    kind: str
    part: str
    score: float
    evidence: str
    sample: str
    item: str


@dataclass(frozen=True)
class TaskReport:
    """What a check of one task in one role found.

    Attributes:
        check_id: the check.
        task: the task's name.
        role: its role.
        fresh: whether this command did it, or an earlier one on the same pool.
        samples: how many samples are marked.
        marked_items: how many of the task's items they overlap.
        by_source: source, samples, items.
        by_kind: kind, part, samples, items.
        findings: of the items and the gate.
        examples: some marks.
    """

    check_id: int
    task: str
    role: Role
    fresh: bool
    samples: int
    marked_items: int
    by_source: list[dict[str, Any]]
    by_kind: list[dict[str, Any]]
    findings: Findings
    examples: list[Example]


def findings(
    parts: "Sequence[Checked]",
    vocabulary: Vocabulary,
    recall: "tuple[list[Recall], str | None]",
    seconds: float,
) -> Findings:
    """Sum up what is known of one task's items in one role.

    Args:
        parts: their questions and answers.
        vocabulary: the numbers of their words.
        recall: as `recall.measure` gives it.
        seconds: how long the look through the pool took.
    """
    by_part = {checked.part: checked for checked in parts}
    words = vocabulary.words()
    held: set[int] = set()
    for checked in parts:
        held |= checked.held()
    return Findings(
        items=len(parts[0].items),
        too_short={part: by_part[part].too_short for part in PARTS},
        generic=sum(checked.generic for checked in parts),
        unchecked=len(parts[0].items) - len(held),
        boilerplate={
            part: phrases(by_part[part].spans, by_part[part].shared, words, PHRASES)
            for part in PARTS
        },
        recall=recall[0],
        problem=recall[1],
        seconds=seconds,
    )


def read_report(reader: Reader, task: Task, check: "Mapping[str, Any]", fresh: bool) -> TaskReport:
    """Read a check back.

    Args:
        reader: of the home.
        task: what was checked.
        check: `check_id` and `report` of `contamination_check`.
        fresh: whether the running command made it.
    """
    import json

    check_id = int(check["check_id"])
    totals = reader.row(load("contamination/totals"), check_id=check_id) or {}
    rows = reader.rows(load("contamination/examples"), check_id=check_id, most=EXAMPLES)
    return TaskReport(
        check_id,
        task.name,
        task.role,
        fresh,
        totals["samples"],
        totals["items"],
        reader.rows(load("contamination/by_source"), check_id=check_id),
        reader.rows(load("contamination/by_kind"), check_id=check_id),
        Findings.from_json(json.loads(check["report"])),
        [_example(row) for row in rows],
    )


def _example(row: "Mapping[str, Any]") -> Example:
    names = ("source", "hash", "kind", "part", "score", "evidence")
    told = {name: row[name] for name in names}
    return Example(**told, sample=_told(row["sample_messages"]), item=_told(row["item_messages"]))


def _told(messages: "Sequence[Mapping[str, Any]]") -> str:
    return "\n".join(f"{message['role']}: {message['content'] or ''}" for message in messages)
