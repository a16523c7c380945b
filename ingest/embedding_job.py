"""The embed job: what a space lacks is encoded and stored as it comes; killed, it goes on."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from time import monotonic
from typing import Protocol

import numpy as np
import pyarrow as pa

from catalog import schema
from catalog.home import Home
from catalog.jobs import Counts, Job
from catalog.model import NamedSpace
from catalog.progress import Progress, Tick
from catalog.spaces import tokens_scorer
from catalog.sql import load
from catalog.store import Reader, Store
from catalog.vectors import Embedded, Ids, Kind, Vectors
from ingest.passes import Batch, Read, Wanted
from ingest.scores.columns import NO_ANSWER, TOO_SHORT, Column, nll_columns
from ingest.tokens import Flags
from ingest.windows import COMMIT_BYTES, Pause, in_windows

KINDS: tuple[Kind, ...] = ("query", "sample")
ID_ROWS = 1 << 18
"""Ids read at a time: of a large pool, all of them at once take more than all else does."""

COMPACT_COMMITS = 64
"""How many commits later small fragments are merged, if there are many."""


class Computer(Protocol):
    """Who runs the model: this process, or several others."""

    def over(self, wanted: Iterable[Wanted]) -> Iterator[Read | Batch]:
        """Give samples and queries what they lack, in any order."""


class Marks:
    """Some samples or queries, a byte for each id there is: less than the ids of them take."""

    def __init__(self) -> None:
        self.flags: Flags = np.zeros(0, bool)

    def put(self, ids: Ids, value: bool = True) -> None:
        """Mark these, or take their marks away."""
        if len(ids) and (last := int(ids.max())) >= len(self.flags):
            self.flags = np.concatenate([self.flags, np.zeros(last + 1 - len(self.flags), bool)])
        self.flags[ids] = value


@dataclass
class EmbeddingJob:
    """One execution: what is computed is stored every now and then, and the job's progress with it.

    Attributes:
        home: where texts are, and vectors go.
        job: as it is recorded.
        named: the space.
        computer: runs the model.
        growth: how large the windows become; see `in_windows`.
        nll: whether scores are asked for, too.
        progress: is told how far it is.
    """

    home: Home
    job: Job
    named: NamedSpace
    computer: Computer
    growth: int
    nll: bool
    progress: Progress
    done: dict[str, int] = field(default_factory=lambda: {"query": 0, "sample": 0})
    tokens: int = 0
    empty: int = 0
    scored: Counter[str] = field(default_factory=Counter)
    unscored: Counter[str] = field(default_factory=Counter)
    renamed: dict[str, str] = field(default_factory=dict)
    passed: int = 0
    begun_at: float = 0.0

    @property
    def seconds(self) -> float:
        """How long it has taken, loading the model and what it and LanceDB need not counted."""
        return monotonic() - self.begun_at

    def run(self) -> None:
        """Embed what is missing, queries first, and finish the job."""
        self.store = Store(self.home)
        self.vectors = {kind: Vectors(self.home, self.named.space, kind) for kind in KINDS}
        self.begun_at = monotonic()
        self.columns: tuple[Column, ...] = ()
        if self.nll:
            self.columns = nll_columns(self.named.space, self.named.name)
        self.plan()
        pause, ready, size = Pause(), list[Batch](), 0
        for found in self.computer.over(self.wanted()):
            if isinstance(found, Read):
                self.empty += found.empty
                self.unscored[TOO_SHORT] += found.short
                continue
            self.count(found)
            ready.append(found)
            size += len(found.ids) * 4 * self.named.space.width
            if pause.over() or size >= COMMIT_BYTES:
                self.put(ready)
                ready, size = [], 0
        self.put(ready)
        for vectors in self.vectors.values():
            vectors.compact()
        with self.store.write("embed", job_id=self.job.job_id) as transaction:
            self.job.finish(transaction)

    def plan(self) -> None:
        """Find out what lacks a vector, or a score if those are asked for."""
        self.bare: dict[Kind, Marks] = {kind: Marks() for kind in KINDS}
        self.unheard = Marks()
        with self.store.read() as reader:
            self.scorer_id = tokens_scorer(reader, self.named)
            counted = reader.value(load("embed/counted"), scorer_id=self.scorer_id)
            for kind in KINDS:
                self.mark(reader, kind)
            if self.columns:
                self.unheard.flags = self.bare["sample"].flags.copy()
                self.unheard.put(self.columns[0].scored(reader), False)
        self.take_over(counted)
        for kind, vectors in self.vectors.items():
            for ids in vectors.ids():
                self.bare[kind].put(ids, False)
        lacking = {kind: int(marks.flags.sum()) for kind, marks in self.bare.items()}
        self.vectors["sample"].require_room(sum(lacking.values()))
        self.total = sum(int(self.asked(kind).sum()) for kind in KINDS)

    def mark(self, reader: Reader, kind: Kind) -> None:
        """Mark all that should have a vector."""
        query = load("embed/pool_ids" if kind == "sample" else "embed/query_ids")
        for batch in reader.batches(query, ID_ROWS):
            self.bare[kind].put(batch.column(0).to_numpy())

    def asked(self, kind: Kind) -> Flags:
        """Return by id what lacks anything, bool (largest id + 1,)."""
        if kind == "query" or not self.columns:
            return self.bare[kind].flags
        flags = self.bare[kind].flags.copy()
        flags[: len(self.unheard.flags)] |= self.unheard.flags
        return flags

    def wanted(self) -> Iterator[Wanted]:
        """Give everything that lacks anything, a window at a time."""
        for kind in KINDS:
            for ids in in_windows(np.flatnonzero(self.asked(kind)), self.growth):
                unheard = np.zeros(len(ids), bool)
                if kind == "sample" and self.columns:
                    unheard = self.unheard.flags[ids]
                yield Wanted(kind, ids, self.bare[kind].flags[ids], unheard)

    def take_over(self, counted: int) -> None:
        """Record token counts that a killed job stored with its vectors only."""
        if counted < self.vectors["sample"].count():
            self.record(self.vectors["sample"].facts(), [], Counts())

    def count(self, batch: Batch) -> None:
        """Say how far the job is."""
        self.passed += len(batch.ids)
        self.tokens += batch.tokens
        if batch.embedded:
            self.done[batch.kind] += len(batch.ids)
        if batch.nlls:
            whole, answers = batch.nlls
            self.unscored[NO_ANSWER] += int((np.isnan(answers) & ~np.isnan(whole)).sum())
        fraction = (self.passed + self.empty) / self.total
        self.progress(Tick("embed", fraction, {"samples": self.passed, "tokens": self.tokens}))

    def put(self, batches: list[Batch]) -> None:
        """Store vectors, then what the catalog keeps of them; a kill in between is made good."""
        if not batches:
            return
        facts = None
        for kind, vectors in self.vectors.items():
            parts = [b.embedded for b in batches if b.kind == kind and b.embedded]
            if parts:
                whole = Embedded.of(parts)
                vectors.append(whole, new=True)
                if kind == "sample":
                    facts = whole.table("sample_id", np.float32).drop_columns(["vector"])
        read = sum(len(batch.ids) for batch in batches)
        self.record(facts, [b for b in batches if b.nlls], Counts(read=read, added=read))
        if self.job.checkpoint % COMPACT_COMMITS == 0:
            self.vectors["sample"].compact()

    def record(self, facts: pa.Table | None, heard: list[Batch], counts: Counts) -> None:
        """Write token counts and NLLs, with the job's progress."""
        with self.store.write("embed", job_id=self.job.job_id) as transaction:
            if facts is not None:
                transaction.insert_select(
                    schema.sample_score,
                    load("embed/uncounted"),
                    {"scorer_id": self.scorer_id},
                    fact=facts,
                )
            for position, column in enumerate(self.columns if heard else ()):
                scorer, count = column.keep(
                    transaction,
                    np.concatenate([batch.ids for batch in heard]),
                    np.concatenate([batch.nlls[position] for batch in heard if batch.nlls]),
                    np.concatenate([batch.truncated for batch in heard]),
                )
                self.scored[scorer.name] += count
                if scorer.name != column.kind:
                    self.renamed[column.kind] = scorer.name
            self.job.advance(transaction, self.job.checkpoint + 1, counts)
