"""The score job: what a scorer lacks is computed and stored as it comes; killed, it goes on."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from time import monotonic

import numpy as np

from catalog.jobs import Counts, Job
from catalog.progress import Progress, Tick
from catalog.store import Store
from catalog.vectors import Ids
from ingest.batching import by_tokens
from ingest.encoder import Encoder
from ingest.scores.plans import Plan, Prepared, Stretch, mean_costs
from ingest.windows import Pause, ahead, in_windows

GROUP_BATCHES = 16
"""Samples of a window are taken in groups of so many batches: all their stretches, short and long,
are computed before any of them is stored."""


@dataclass
class ScoreJob:
    """One execution: a window is computed while the next is read and tokenised."""

    store: Store
    job: Job
    encoder: Encoder
    batch_tokens: int
    progress: Progress
    scored: Counter[str] = field(default_factory=Counter)
    unscored: Counter[str] = field(default_factory=Counter)
    renamed: dict[str, str] = field(default_factory=dict)
    samples: int = 0
    tokens: int = 0
    begun_at: float = field(default_factory=monotonic)

    @property
    def seconds(self) -> float:
        """How long it has taken, loading the model not counted."""
        return monotonic() - self.begun_at

    def run(self, plan: Plan, pool: Ids) -> None:
        """Compute what one plan's scorers lack of a pool; ids ascending."""
        with self.store.read() as reader:
            candidates = plan.candidates(reader, pool)
            missing = np.setdiff1d(candidates, plan.columns[0].scored(reader), assume_unique=True)
        self.unscored[plan.left_out] += len(pool) - len(candidates)
        self.kind, self.total, self.seen = plan.columns[0].kind, len(missing), 0
        tasks = (partial(plan.prepare, self.store, some) for some in in_windows(missing))
        for prepared in ahead(tasks):
            self.unscored.update(prepared.skipped)
            self.seen += len(prepared.ids) - len({s.row for s in prepared.stretches})
            self.compute(plan, prepared)

    def compute(self, plan: Plan, prepared: Prepared) -> None:
        """Compute a window and store it, in parts if it takes long."""
        pause, waiting = Pause(), list[tuple[Ids, np.ndarray]]()
        for group in self.groups(prepared.stretches):
            waiting.append(self.costs(plan, group))
            if pause.over():
                self.put(plan, prepared, waiting)
                waiting = []
        if waiting:
            self.put(plan, prepared, waiting)

    def groups(self, stretches: list[Stretch]) -> Iterator[list[Stretch]]:
        """Cut a window into groups of whole samples, the longest first."""
        longest: Counter[int] = Counter()
        for stretch in stretches:
            longest[stretch.row] = max(longest[stretch.row], len(stretch.ids))
        ordered = sorted(stretches, key=lambda s: (-longest[s.row], s.row))
        group: list[Stretch] = []
        size = 0
        for stretch in ordered:
            full = size >= GROUP_BATCHES * self.batch_tokens
            if full and stretch.row != group[-1].row:
                yield group
                group, size = [], 0
            group.append(stretch)
            size += len(stretch.ids)
        if group:
            yield group

    def costs(self, plan: Plan, group: list[Stretch]) -> tuple[Ids, np.ndarray]:
        """Run the model over a group; return its rows and their means, float64 (rows, sums)."""
        rows = np.unique(np.array([stretch.row for stretch in group], np.int64))
        totals = np.zeros((len(rows), plan.sums))
        counts = np.zeros((len(rows), plan.sums), np.int64)
        lengths = [len(stretch.ids) for stretch in group]
        for batch in by_tokens(lengths, self.batch_tokens, self.encoder.limit):
            some = [group[position] for position in batch]
            states = self.encoder.states([stretch.ids for stretch in some])
            found = self.encoder.nlls(states, [stretch.wanted for stretch in some])
            places = np.searchsorted(rows, [stretch.row for stretch in some])
            for whole, part in zip(
                (totals, counts), mean_costs(found, some, plan.sums), strict=True
            ):
                np.add.at(whole, places, part)
            self.tokens += sum(len(stretch.ids) for stretch in some)
        self.samples += len(rows)
        self.seen += len(rows)
        done = {"samples": self.samples, "tokens": self.tokens}
        self.progress(Tick(f"score {self.kind}", self.seen / self.total, done))
        return rows, np.where(counts > 0, totals / np.maximum(counts, 1), np.nan)

    def put(self, plan: Plan, prepared: Prepared, parts: list[tuple[Ids, np.ndarray]]) -> None:
        """Store scores, with the job's progress."""
        rows = np.concatenate([rows for rows, _ in parts])
        values = plan.values(prepared, rows, np.concatenate([means for _, means in parts]))
        self.unscored.update(plan.unscored(values))
        with self.store.write("score", job_id=self.job.job_id) as transaction:
            for column, found in zip(plan.columns, values, strict=True):
                scorer, count = column.keep(
                    transaction, prepared.ids[rows], found, prepared.truncated[rows]
                )
                self.scored[scorer.name] += count
                if column.name is None and scorer.name != column.kind:
                    self.renamed[column.kind] = scorer.name
            added = int((~np.isnan(values[0])).sum())
            counts = Counts(read=len(rows), added=added, refused=len(rows) - added)
            self.job.advance(transaction, self.job.checkpoint + 1, counts)

    def finish(self) -> None:
        """Mark the job done."""
        with self.store.write("score", job_id=self.job.job_id) as transaction:
            self.job.finish(transaction)
