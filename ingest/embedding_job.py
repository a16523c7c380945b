"""The embed job: what a space lacks is encoded and stored as it comes; killed, it goes on."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any

import numpy as np

from catalog import schema
from catalog.home import Home
from catalog.jobs import Counts, Job
from catalog.model import NamedSpace
from catalog.progress import Progress, Tick
from catalog.spaces import pool_ids, query_ids, tokens_scorer
from catalog.sql import load
from catalog.store import Store
from catalog.vectors import Embedded, Ids, Kind, Vectors
from ingest.batching import by_tokens
from ingest.encoder import Encoder
from ingest.scores.columns import (
    NO_ANSWER,
    TOO_SHORT,
    Column,
    Values,
    mean_nlls,
    nll_columns,
)
from ingest.template import Rendered
from ingest.tokens import Flags, Tokens, within
from ingest.windows import Pause, ahead, in_windows


@dataclass
class Window:
    """Some samples or queries, tokenised, still in order of id.

    Attributes:
        kind: which of the two.
        ids: of the samples or queries.
        tokens: of each.
        texts: of each, with where its answers lie; empty if nobody asks.
        answers: which of its tokens are answers, bool (tokens,); empty if nobody asks.
    """

    kind: Kind
    ids: Ids
    tokens: Tokens
    texts: list[Rendered]
    answers: list[Flags]


@dataclass
class Batch:
    """What one forward pass gave.

    Attributes:
        ids: of the samples or queries.
        truncated: whether each text was cut.
        embedded: their vectors, if those were lacking.
        nlls: their NLL and that of their answers, NaN where they have none; if those were lacking.
    """

    ids: Ids
    truncated: Flags
    embedded: Embedded | None
    nlls: tuple[Values, Values] | None


def read_window(store: Store, encoder: Encoder, kind: Kind, ids: Ids, answers: bool) -> Window:
    """Read some conversations and tokenise them.

    Args:
        store: the catalog's.
        encoder: tokenises.
        kind: samples or queries.
        ids: of them, ascending.
        answers: tell where answers lie, and which tokens they are.
    """
    query = load("embed/samples" if kind == "sample" else "embed/queries")
    with store.read() as reader:
        rows = reader.arrow(query, ids=ids.tolist())
    found, talks = rows["id"].to_numpy(), rows["messages"].to_pylist()
    if not answers:
        plain = [encoder.render(talk, kind) for talk in talks]
        return Window(kind, found, encoder.tokenize(plain), [], [])
    texts = [encoder.rendered(talk, kind) for talk in talks]
    tokens = encoder.tokenize([text.text for text in texts], places=True)
    spans = ([(answer.start, answer.end) for answer in text.answers] for text in texts)
    flags = [within(places, span) for places, span in zip(tokens.places, spans, strict=True)]
    return Window(kind, found, tokens, texts, flags)


@dataclass
class EmbeddingJob:
    """One execution: a window is encoded while the next is read and tokenised."""

    home: Home
    job: Job
    named: NamedSpace
    encoder: Encoder
    batch_tokens: int
    nll: bool
    progress: Progress
    done: dict[str, int] = field(default_factory=lambda: {"query": 0, "sample": 0})
    tokens: int = 0
    empty: int = 0
    scored: Counter[str] = field(default_factory=Counter)
    unscored: Counter[str] = field(default_factory=Counter)
    renamed: dict[str, str] = field(default_factory=dict)
    passed: int = 0
    begun_at: float = field(default_factory=monotonic)

    @property
    def seconds(self) -> float:
        """How long it has taken, loading the model not counted."""
        return monotonic() - self.begun_at

    def run(self) -> None:
        """Embed what is missing, queries first, and finish the job."""
        self.store = Store(self.home)
        self.vectors: dict[Kind, Vectors] = {
            kind: Vectors(self.home, self.named.space, kind) for kind in ("query", "sample")
        }
        self.columns: tuple[Column, ...] = ()
        if self.nll:
            self.columns = nll_columns(self.encoder.space, self.named.name)
        missing = self.plan()
        self.total = sum(map(len, missing.values()))
        for window in ahead(self.reading(missing)):
            self.encode(window)
        for vectors in self.vectors.values():
            vectors.compact()
        with self.store.write("embed", job_id=self.job.job_id) as transaction:
            self.job.finish(transaction)

    def plan(self) -> dict[Kind, Ids]:
        """Find out what lacks a vector, or a score if those are asked for."""
        with self.store.read() as reader:
            self.scorer_id = tokens_scorer(reader, self.named)
            counted = reader.value(load("embed/counted"), scorer_id=self.scorer_id)
            queries, pool = query_ids(reader), pool_ids(reader)
            scored = self.columns[0].scored(reader) if self.columns else pool
        self.take_over(counted)
        lacking: dict[Kind, Ids] = {
            "query": self.vectors["query"].missing(queries),
            "sample": self.vectors["sample"].missing(pool),
        }
        self.vectors["sample"].require_room(sum(map(len, lacking.values())))
        self.bare, self.unheard = lacking["sample"], np.setdiff1d(pool, scored, assume_unique=True)
        return {"query": lacking["query"], "sample": np.union1d(self.bare, self.unheard)}

    def reading(self, missing: dict[Kind, Ids]) -> Iterator[Callable[[], Window]]:
        """Give the reading of each window."""
        for kind, ids in missing.items():
            for some in in_windows(ids):
                answers = self.nll and kind == "sample"
                yield partial(read_window, self.store, self.encoder, kind, some, answers)

    def take_over(self, counted: int) -> None:
        """Record token counts that a killed job stored with its vectors only."""
        facts = self.vectors["sample"].facts()
        if counted < len(facts):
            self.record(facts, [], Counts())

    def encode(self, window: Window) -> None:
        """Encode a window and store it, in parts if it takes long."""
        pause, ready = Pause(), list[Batch]()
        lengths = np.array(window.tokens.lengths)
        bare = np.isin(window.ids, self.bare) | (window.kind == "query")
        unheard = np.isin(window.ids, self.unheard) & (window.kind == "sample")
        self.empty += int((lengths == 0).sum())
        if self.nll:
            self.unscored[TOO_SHORT] += int((unheard & (lengths < 2)).sum())
        for vector, score in ((True, True), (True, False), (False, True)):
            least = 1 if vector else 2
            rows = np.flatnonzero((bare == vector) & (unheard == score) & (lengths >= least))
            sizes = [len(window.tokens.ids[row]) for row in rows]
            for batch in by_tokens(sizes, self.batch_tokens, self.encoder.limit):
                ready.append(self.pass_over(window, rows[batch].tolist(), vector, score))
                if pause.over():
                    self.put(window.kind, ready)
                    ready = []
        if ready:
            self.put(window.kind, ready)

    def pass_over(self, window: Window, rows: list[int], vector: bool, score: bool) -> Batch:
        """Run the model once over a batch and say how far the job is."""
        texts = [window.tokens.ids[row] for row in rows]
        states = self.encoder.states(texts)
        lengths = np.array([window.tokens.lengths[row] for row in rows], np.int32)
        batch = Batch(window.ids[rows], lengths > self.encoder.space.max_tokens, None, None)
        if vector:
            vectors, norms = self.encoder.vectors(states)
            batch.embedded = Embedded(batch.ids, vectors, norms, lengths, batch.truncated)
            self.done[window.kind] += len(rows)
        if score:
            costs = self.encoder.nlls(states)
            whole = mean_nlls(costs)
            answers = mean_nlls(costs, [window.answers[row] for row in rows])
            batch.nlls = whole, answers
            self.unscored[NO_ANSWER] += int((np.isnan(answers) & ~np.isnan(whole)).sum())
        self.passed += len(rows)
        self.tokens += sum(map(len, texts))
        fraction = (self.passed + self.empty) / self.total
        self.progress(Tick("embed", fraction, {"samples": self.passed, "tokens": self.tokens}))
        return batch

    def put(self, kind: Kind, batches: list[Batch]) -> None:
        """Store vectors, then what the catalog keeps of them; a kill in between is made good."""
        read = sum(len(batch.ids) for batch in batches)
        parts = [batch.embedded for batch in batches if batch.embedded]
        facts = None
        if parts:
            whole = Embedded(
                *(np.concatenate([getattr(part, name) for part in parts]) for name in _FIELDS)
            )
            self.vectors[kind].append(whole)
            if kind == "sample":
                facts = whole.table("sample_id", np.float32).drop_columns(["vector"])
        self.record(facts, [b for b in batches if b.nlls], Counts(read=read, added=read))

    def record(self, facts: Any, heard: list[Batch], counts: Counts) -> None:  # noqa: ANN401
        """Write token counts (an Arrow table) and NLLs, with the job's progress."""
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


_FIELDS = ("ids", "vectors", "norms", "tokens", "truncated")
