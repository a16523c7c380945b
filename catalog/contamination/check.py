"""The decontaminate job: the pool is read once for all tasks, then each task's marks are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np

from catalog import schema
from catalog.contamination.cosine import NearSearch
from catalog.contamination.items import PARTS, Checked, Item, Vocabulary, read_part
from catalog.contamination.marks import insert_marks, marks, near_marks
from catalog.contamination.matching import Matcher, Overlap
from catalog.contamination.reading import PoolTexts, all_tasks, chosen_tasks, read_items
from catalog.contamination.recall import EncodeConversations, measure
from catalog.contamination.report import Findings, TaskReport, findings, read_report
from catalog.contamination.settings import NGRAM, Settings, check_values
from catalog.home import Home
from catalog.jobs import Counts, Job, job
from catalog.model import Role, Task
from catalog.progress import Progress, Tick, silent
from catalog.spaces import the_space
from catalog.sql import load
from catalog.store import Reader, Store
from catalog.vectors import Ids

if TYPE_CHECKING:
    import pyarrow as pa

Key = tuple[str, Role]


@dataclass(frozen=True)
class Decontamination:
    """What `decontaminate` did.

    Attributes:
        samples: how many samples of the pool were looked through.
        marked: how many of them are marked for one of the tasks.
        tasks: what was found for each task and role.
    """

    samples: int
    marked: int
    tasks: list[TaskReport]


def decontaminate(
    home: Home,
    tasks: Sequence[str] = (),
    *,
    ngram: int = NGRAM,
    cosine: float | None = None,
    space: str | None = None,
    encode: EncodeConversations | None = None,
    progress: Progress = silent,
) -> Decontamination:
    """Mark the samples that overlap tasks' queries or held-out items; the newest check counts.

    A check of the same items on the same pool with the same settings is not done again. Killed, it
    keeps what it found for the tasks it was through with.

    Args:
        home: whose pool it is.
        tasks: `gsm8k` for all its roles, `gsm8k:heldout` for one; none means every task.
        ngram: so many words in a row are an overlap.
        cosine: so is a cosine of at least this, if given.
        space: the space for it; may be left out if there is one.
        encode: embeds planted leaks as samples of the space, to measure what cosines catch.
        progress: is told how far the job is.

    Raises:
        UnknownName: a task or space that is not there.
        InvalidInput: a value out of its range.
        MissingVectors: the space lacks some; says how many.
    """
    check_values(ngram, cosine, space)
    with Store(home).read() as reader:
        chosen = chosen_tasks(reader, tasks)
        named = the_space(reader, space) if cosine is not None else None
        settings = Settings(ngram, cosine, named)
        state = reader.row(load("contamination/pool_state")) or {}
        known = {task: _standing(reader, task, settings.parameters(task, state)) for task in chosen}
    due = [task for task in chosen if known[task] is None]
    if due:
        asked = settings.parameters(due[0], state) | {"digest": [task.digest for task in chosen]}
        names = [f"{task.name}:{task.role}" for task in chosen]
        with job(home, "decontaminate", {"tasks": names, **asked}, names) as running:
            _Gate(home, running, due, settings, state, encode, progress).run()
    return _read_back(home, chosen, due)


def _standing(
    reader: Reader, task: Task, parameters: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """Return the newest check of a task if it is the one that is asked for."""
    import json

    last = reader.row(load("contamination/last_check"), task=task.name, role=task.role)
    same = last and last["task_id"] == task.task_id
    return last if last and same and json.loads(last["parameters"]) == parameters else None


def _read_back(home: Home, chosen: Sequence[Task], due: Sequence[Task]) -> Decontamination:
    reports = []
    with Store(home).read() as reader:
        for task in chosen:
            last = reader.row(load("contamination/last_check"), task=task.name, role=task.role)
            reports.append(read_report(reader, task, last or {}, task in due))
        samples = reader.value("select count(*) from pool")
        marked = reader.value(
            "select count(distinct m.sample_id) from contamination_mark as m "
            "semi join pool as p on p.sample_id = m.sample_id "
            "where m.check_id in (select unnest($checks))",
            checks=[report.check_id for report in reports],
        )
    return Decontamination(samples, marked, reports)


@dataclass
class _Gate:
    """The job itself."""

    home: Home
    job: Job
    tasks: Sequence[Task]
    settings: Settings
    state: Mapping[str, Any]
    encode: EncodeConversations | None
    progress: Progress
    seconds: float = 0.0
    marks: dict[Key, list["pa.Table"]] = field(default_factory=dict)

    def run(self) -> None:
        """Read the items, look through the pool, then finish one task after another."""
        with Store(self.home).read() as reader:
            names = {task.name for task in self.tasks}
            related = [task for task in all_tasks(reader) if task.name in names]
            items = read_items(reader, related)
        pool = PoolTexts(self.home)
        near = self.near_search(pool.ids, items)
        vocabulary = Vocabulary()
        parts = read_tasks(items, self.settings.ngram, vocabulary)
        keys = [key for key in parts if key in {(t.name, t.role) for t in self.tasks}]
        groups = [checked for key in keys for checked in parts[key]]
        matcher = Matcher(groups, vocabulary)
        self.look_through(pool, matcher, [key for key in keys for _ in parts[key]])
        for number, task in enumerate(self.tasks):
            self.progress(Tick("plant leaks", number / len(self.tasks), {"tasks": number}))
            key = (task.name, task.role)
            if near:
                self.keep_near(key, near, items[key])
            measured = measure(items[key], matcher, near, self.encode)
            self.store(task, findings(parts[key], vocabulary, measured, self.seconds))

    def near_search(self, ids: Ids, items: Mapping[Key, Sequence[Item]]) -> NearSearch | None:
        """Return what looks for paraphrases, if that is asked for and nothing lacks a vector."""
        if self.settings.cosine is None or self.settings.space is None:
            return None
        near = NearSearch(self.home, self.settings.space, ids, self.settings.cosine)
        wanted = [item.query_id for t in self.tasks for item in items[t.name, t.role]]
        near.require_vectors(self.tasks, np.array(wanted, np.int64))
        return near

    def look_through(self, pool: PoolTexts, matcher: Matcher, keys: Sequence[Key]) -> None:
        """Look for all items in all texts; `keys` says whose the matcher's groups are."""
        begun_at, done = monotonic(), 0
        for piece in pool.pieces():
            found: dict[Key, list[Overlap]] = {}
            for overlap in matcher.find(piece.texts):
                found.setdefault(keys[overlap.group], []).append(overlap)
            for key, overlaps in found.items():
                self.marks.setdefault(key, []).append(marks(overlaps, piece))
            done += len(piece.ids)
            counts = {"samples": done}
            self.progress(Tick("decontaminate", done / len(pool.ids), counts))
        self.seconds = monotonic() - begun_at

    def keep_near(self, key: Key, near: NearSearch, items: Sequence[Item]) -> None:
        """Add what lies near the items of a task."""
        whole = near.passes(len(items)) * max(len(near.ids), 1)
        done = 0

        def tell(rows: int) -> None:
            nonlocal done
            done += rows
            label = f"cosines of {key[0]}:{key[1]}"
            self.progress(Tick(label, done / whole, {"samples": done}))

        found = near.find(np.array([item.query_id for item in items], np.int64), tell)
        self.marks.setdefault(key, []).append(near_marks(found, near.named, items))

    def store(self, task: Task, found: Findings) -> None:
        """Keep a task's marks and its report in one transaction, the last one ends the job."""
        tables = self.marks.pop((task.name, task.role), [])
        with Store(self.home).write("decontaminate", job_id=self.job.job_id) as transaction:
            check_id = transaction.next_id(schema.contamination_check, "check_id")
            transaction.insert(
                schema.contamination_check,
                {
                    "check_id": check_id,
                    "task_id": task.task_id,
                    "task": task.name,
                    "role": task.role,
                    "parameters": self.settings.parameters(task, self.state),
                    "report": found.as_json(),
                    "checked_at": datetime.now(UTC),
                },
            )
            count = insert_marks(transaction, tables, check_id, task.task_id)
            counts = Counts(read=count, added=count)
            self.job.advance(transaction, self.job.checkpoint + 1, counts)
            if task is self.tasks[-1]:
                self.job.finish(transaction)


def read_tasks(
    items: Mapping[Key, Sequence[Item]], ngram: int, vocabulary: Vocabulary
) -> dict[Key, list[Checked]]:
    """Make items ready to be looked for: questions and answers of every task and role.

    Args:
        items: by name and role; all roles of a name together tell its boilerplate.
        ngram: how many words in a row are evidence.
        vocabulary: takes their words in.
    """
    found: dict[Key, list[Checked]] = {key: [] for key in items}
    for name in dict.fromkeys(name for name, _ in items):
        keys = [key for key in items if key[0] == name]
        for part in PARTS:
            checked = read_part([items[key] for key in keys], part, ngram, vocabulary)
            for key, one in zip(keys, checked, strict=True):
                found[key].append(one)
    return found
