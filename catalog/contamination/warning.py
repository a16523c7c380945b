"""What to say at once of a task that was added: what it overlaps, and whether it is a trap."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from catalog.contamination.check import Key, read_tasks
from catalog.contamination.items import PARTS, Item, Vocabulary
from catalog.contamination.matching import Matcher
from catalog.contamination.reading import PoolTexts, all_tasks, read_items
from catalog.contamination.settings import NGRAM
from catalog.contamination.words import SEPARATOR
from catalog.home import Home
from catalog.model import Task
from catalog.progress import Progress, Tick
from catalog.sql import load
from catalog.store import Store

EXAMPLES = 3
NAMED_FOR_TESTS = ("bbh", "gsm8k", "mmlu", "tydiqa")
"""In the paper's official code these bare names mean test splits; its query sets are small."""

LARGEST_QUERY_SET = 500
"""Of the paper."""

Same = Mapping[str, int | None]
"""A row of `contamination/same_content`."""

_TEST = re.compile(r"(?:\A|[^a-z])(?:test|heldout|held[-_ ]out)(?:[^a-z]|\Z)", re.IGNORECASE)


@dataclass(frozen=True)
class WarningExample:
    """One overlap.

    Attributes:
        item: what the added query or held-out item says.
        other: what it overlaps.
        evidence: what both have.
    """

    item: str
    other: str
    evidence: str


@dataclass(frozen=True)
class TaskWarning:
    """What may be wrong with a task that was added.

    Attributes:
        kind: `tasks` for overlaps with the other role of a task, `pool`, or `test split`.
        message: what was found.
        items: how many of its queries or items it is about.
        others: how many held-out items, queries or samples they overlap.
        examples: some of them.
    """

    kind: Literal["tasks", "pool", "test split"]
    message: str
    items: int
    others: int
    examples: list[WarningExample]


def warnings_of(home: Home, task: Task, uri: str, progress: Progress) -> list[TaskWarning]:
    """Look at a task that was just added.

    Args:
        home: where it is.
        task: the task at its new revision.
        uri: the file it came from.
        progress: is told how far the look through the pool is.
    """
    with Store(home).read() as reader:
        tasks = all_tasks(reader)
        same_name = [other for other in tasks if other.name == task.name]
        opposite = [other for other in tasks if other.role != task.role]
        items = read_items(reader, same_name)
        others = read_items(reader, opposite)
        same = reader.rows(
            load("contamination/same_content"),
            task_id=task.task_id,
            other_ids=[other.task_id for other in opposite],
        )
        splits = reader.rows(load("contamination/splits"), task_id=task.task_id)
    key: Key = (task.name, task.role)
    vocabulary = Vocabulary()
    matcher = Matcher(read_tasks(items, NGRAM, vocabulary)[key], vocabulary)
    texts = {item.query_id: item for item in items[key]}
    found: list[TaskWarning] = []
    if task.role == "select":
        found += _test_split(task, uri, {row["split"]: row["queries"] for row in splits})
    for name in sorted(others, key=lambda other: (other[0] != task.name, other)):
        overlaps = _Overlaps(texts)
        overlaps.look(matcher, others[name])
        overlaps.add_same(same, others[name])
        theirs = "held-out items" if task.role == "select" else "queries"
        found += overlaps.warning("tasks", task, theirs, name[0])
    found += _in_pool(home, task, matcher, texts, same, progress)
    return found


class _Overlaps:
    """Overlaps of a task's items with other texts, counted, a few of them kept."""

    def __init__(self, texts: dict[int, Item]) -> None:
        self._texts = texts
        self.items: set[int] = set()
        self.others: set[int] = set()
        self.examples: list[WarningExample] = []

    def add(self, query_id: int, other_id: int, other: str, evidence: str) -> None:
        """Count one overlap."""
        shown = {example.evidence for example in self.examples}
        if query_id not in self.items and evidence not in shown and len(shown) < EXAMPLES:
            texts = (_said(self._texts[query_id]), other)
            item, other = (text.replace(SEPARATOR, "\n") for text in texts)
            self.examples.append(WarningExample(item, other, evidence))
        self.items.add(query_id)
        self.others.add(other_id)

    def look(self, matcher: Matcher, others: Sequence[Item]) -> None:
        """Look for the task's items in other items."""
        for overlap in matcher.find([_said(other) for other in others]):
            other = others[overlap.text]
            self.add(overlap.item.query_id, other.query_id, _said(other), overlap.evidence)

    def add_same(self, same: Sequence[Same], others: Sequence[Item]) -> None:
        """Count items of the very same content, which may be too short to look for."""
        by_id = {other.query_id: other for other in others}
        for row in same:
            if (other := by_id.get(row["other_id"] or 0)) is not None:
                self.add(row["query_id"] or 0, other.query_id, _said(other), "the whole of it")

    def message(self, task: Task, theirs: str, place: str) -> str:
        """Say how many overlap how many."""
        mine = "queries" if task.role == "select" else "held-out items"
        verb = "overlaps" if len(self.items) == 1 else "overlap"
        others = theirs
        if len(self.others) == 1:
            others = f"{theirs[:-3]}y" if theirs.endswith("ies") else theirs[:-1]
        return (
            f"{len(self.items):,} of its {task.query_count:,} {mine} {verb} "
            f"{len(self.others):,} {others} of {place}"
        )

    def warning(
        self, kind: Literal["tasks", "pool"], task: Task, theirs: str, place: str
    ) -> Iterator[TaskWarning]:
        """Say what was found, if anything was."""
        if self.items:
            message = self.message(task, theirs, place)
            yield TaskWarning(kind, message, len(self.items), len(self.others), self.examples)


def _said(item: Item) -> str:
    return SEPARATOR.join(item.texts[part] for part in PARTS if item.texts[part])


def _in_pool(
    home: Home,
    task: Task,
    matcher: Matcher,
    texts: dict[int, Item],
    same: Sequence[Same],
    progress: Progress,
) -> Iterator[TaskWarning]:
    """Look for the task's items in the pool."""
    overlaps = _Overlaps(texts)
    pool, done = PoolTexts(home), 0
    alike: dict[int, list[int]] = {}
    for row in same:
        alike.setdefault(row["sample_id"] or 0, []).append(row["query_id"] or 0)
    for piece in pool.pieces():
        for overlap in matcher.find(piece.texts):
            text = piece.texts[overlap.text]
            sample_id = int(piece.ids[overlap.text])
            overlaps.add(overlap.item.query_id, sample_id, text, overlap.evidence)
        for place, sample_id in enumerate(piece.ids.tolist()):
            for query_id in alike.get(sample_id, []):
                overlaps.add(query_id, sample_id, piece.texts[place], "the whole of it")
        done += len(piece.ids)
        progress(Tick("look through the pool", done / len(pool.ids), {"samples": done}))
    yield from overlaps.warning("pool", task, "samples", "the pool")


def _test_split(task: Task, uri: str, splits: dict[str | None, int]) -> Iterator[TaskWarning]:
    """Say if queries to select by look like test items."""
    reasons = []
    if tests := splits.get("test"):
        reasons.append(
            f"{tests:,} of its {task.query_count:,} queries say they are of split 'test'"
        )
    if _TEST.search(Path(uri).name):
        reasons.append(f"its file is called {Path(uri).name}")
    if task.name.lower() in NAMED_FOR_TESTS and task.query_count > LARGEST_QUERY_SET:
        reasons.append(
            f"it has {task.query_count:,} queries, and the name {task.name} means a test split in "
            "some code"
        )
    if reasons:
        told = f"it looks like a test split, to be kept away from: {'; '.join(reasons)}"
        yield TaskWarning("test split", told, splits.get("test", task.query_count), 0, [])
