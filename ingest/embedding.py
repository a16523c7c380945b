"""The embed job: what a space lacks is encoded and stored as it comes; killed, it goes on."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import numpy as np

from catalog import schema
from catalog.api import Catalog
from catalog.errors import HomeBusy, InvalidInput
from catalog.home import Home
from catalog.jobs import Counts, Job, job
from catalog.model import NamedSpace, check_name
from catalog.progress import Progress, Tick, silent
from catalog.spaces import (
    add_space,
    find_space,
    pool_ids,
    query_ids,
    require_same,
    tokens_scorer,
)
from catalog.sql import load
from catalog.store import Store
from catalog.vectors import Embedded, Ids, Kind, Vectors
from ingest.batching import by_tokens
from ingest.encoder import Encoder, EncoderOptions
from ingest.models import PRESETS
from ingest.tokens import Tokens

DEFAULT_MODEL = "minilm"
WINDOW_SAMPLES = 4096
"""Samples sorted by length together: enough to waste little on padding, few enough to hold."""

COMMIT_SECONDS = 15.0
BATCH_TOKENS = {"cpu": 2048, "cuda": 65536}


@dataclass(frozen=True)
class EmbedReport:
    """What embedding did.

    Attributes:
        space: the space, as it is known now.
        samples: how many samples got a vector.
        queries: how many queries got one.
        tokens: how many tokens went through the model.
        empty: how many samples or queries have no text of the part that the space embeds.
        cut: by source, how many samples are cut and how many the space holds.
        seconds: how long it took, loading the model not counted.
        limit: the model's own limit in tokens, if it lowered what was asked for.
    """

    space: NamedSpace
    samples: int
    queries: int
    tokens: int
    empty: int
    cut: list[dict[str, Any]]
    seconds: float
    limit: int | None


def embed(
    catalog: Catalog,
    space: str,
    *,
    model: str | None = None,
    batch_tokens: int | None = None,
    progress: Progress = silent,
    **options: Any,  # noqa: ANN401 - the fields of EncoderOptions
) -> EmbedReport:
    """Give every pool sample and query that lacks one a vector in a space.

    Args:
        catalog: the catalog to work on.
        space: the space's name; it is made on first use.
        model: a preset, a folder, or a hub's name; an existing space remembers its own.
        batch_tokens: tokens of a batch, padding included; only speed depends on it.
        progress: is told how far the job is.
        options: fields of `EncoderOptions`; those left out come from the space if it exists, from
            the preset, or from the defaults, in this order.

    Raises:
        SpaceMismatch: the space exists with another contract.
        ModelError: the model cannot be loaded or gives unusable vectors.
        HomeBusy: another process is embedding this space.
        StoreError: the vectors would not fit on the disk.
    """
    check_name(space)
    if batch_tokens is not None and batch_tokens < 1:
        raise InvalidInput(f"batch_tokens is {batch_tokens}, expected at least 1", hint="Try 4096.")
    with Store(catalog.home).read() as reader:
        known = find_space(reader, space)
    where = model or (known.location if known else DEFAULT_MODEL)
    asked = _options(known, where, options)
    encoder = Encoder(where, asked)
    if known:
        require_same(known, encoder.space)
        encoder.space = known.space
    # What was asked for may be worded otherwise the next time: the contract is what counts.
    parameters = {"space": space, **vars(encoder.space)}
    try:
        with (
            catalog.home.lock(encoder.space.table_name).held(exclusive=True, timeout_seconds=0),
            job(catalog.home, "embed", parameters, encoder.space.table_name) as running,
        ):
            with Store(catalog.home).write("embed", job_id=running.job_id) as transaction:
                named = add_space(transaction, space, encoder.space, encoder.location)
            size = batch_tokens or BATCH_TOKENS[encoder.device]
            work = _Embedding(catalog.home, running, named, encoder, size, progress)
            work.run()
            limit = encoder.limit if encoder.limit < asked.max_tokens else None
            return work.report(limit)
    except HomeBusy as error:
        if encoder.space.table_name not in error.message:
            raise
        raise HomeBusy(
            f"another process is embedding the space {space!r}: {error.message}",
            hint="Let it finish: it embeds what is there; then run this again for the rest.",
        ) from error


def _options(known: NamedSpace | None, model: str, given: dict[str, Any]) -> EncoderOptions:
    """Fill in what was not given."""
    given = {name: value for name, value in given.items() if value is not None}
    if known:
        space = known.space
        base = {
            "pooling": space.pooling,
            "template": space.template,
            "text": space.text,
            "max_tokens": space.max_tokens,
            "dtype": space.compute_dtype,
            "store": space.stored_dtype,
        }
    else:
        base = dict(PRESETS[model].options) if model in PRESETS else {}
    return EncoderOptions(**{**base, **given})


@dataclass
class _Window:
    """Some samples or queries, tokenised, still in order of id."""

    kind: Kind
    ids: Ids
    tokens: Tokens


@dataclass
class _Embedding:
    """The job itself: one window is encoded while the next is read and tokenised."""

    home: Home
    job: Job
    named: NamedSpace
    encoder: Encoder
    batch_tokens: int
    progress: Progress
    done: dict[str, int] = field(default_factory=lambda: {"query": 0, "sample": 0})
    tokens: int = 0
    empty: int = 0
    begun_at: float = field(default_factory=monotonic)

    def run(self) -> None:
        """Embed what is missing, queries first, and finish the job."""
        self.store = Store(self.home)
        self.vectors: dict[Kind, Vectors] = {
            kind: Vectors(self.home, self.named.space, kind) for kind in ("query", "sample")
        }
        with self.store.read() as reader:
            self.scorer_id = tokens_scorer(reader, self.named)
            counted = reader.value(load("embed/counted"), scorer_id=self.scorer_id)
            wanted: dict[Kind, Ids] = {"query": query_ids(reader), "sample": pool_ids(reader)}
        self.take_over(counted)
        missing = {kind: self.vectors[kind].missing(ids) for kind, ids in wanted.items()}
        self.total = sum(map(len, missing.values()))
        self.vectors["sample"].require_room(self.total)
        for window in self.windows(missing):
            self.encode(window)
        for vectors in self.vectors.values():
            vectors.compact()
        with self.store.write("embed", job_id=self.job.job_id) as transaction:
            self.job.finish(transaction)

    def windows(self, missing: Mapping[Kind, Ids]) -> Iterator[_Window]:
        """Give what is missing in windows, each read while the one before is encoded."""
        with ThreadPoolExecutor(1) as ahead:
            coming = None
            for kind, ids in missing.items():
                for start in range(0, len(ids), WINDOW_SAMPLES):
                    following = ahead.submit(self.read, kind, ids[start : start + WINDOW_SAMPLES])
                    if coming:
                        yield coming.result()
                    coming = following
            if coming:
                yield coming.result()

    def take_over(self, counted: int) -> None:
        """Record token counts that a killed job stored with its vectors only."""
        facts = self.vectors["sample"].facts()
        if counted < len(facts):
            self.record(facts, Counts())

    def read(self, kind: Kind, ids: Ids) -> _Window:
        """Read some conversations and tokenise them."""
        query = load("embed/samples" if kind == "sample" else "embed/queries")
        with self.store.read() as reader:
            rows = reader.arrow(query, ids=ids.tolist())
        texts = [self.encoder.render(messages) for messages in rows["messages"].to_pylist()]
        return _Window(kind, rows["id"].to_numpy(), self.encoder.tokenize(texts))

    def encode(self, window: _Window) -> None:
        """Encode a window and store it, in parts if it takes long."""
        filled = [i for i, length in enumerate(window.tokens.lengths) if length]
        self.empty += len(window.ids) - len(filled)
        sizes = [len(window.tokens.ids[i]) for i in filled]
        ready: list[Embedded] = []
        stored_at = monotonic()
        for batch in by_tokens(sizes, self.batch_tokens):
            ready.append(self.encode_batch(window, [filled[i] for i in batch]))
            if monotonic() - stored_at > COMMIT_SECONDS:
                self.put(window.kind, ready)
                ready, stored_at = [], monotonic()
        if ready:
            self.put(window.kind, ready)

    def encode_batch(self, window: _Window, rows: list[int]) -> Embedded:
        """Encode one batch and say how far the job is."""
        texts = [window.tokens.ids[row] for row in rows]
        vectors, norms = self.encoder.encode(texts)
        lengths = np.array([window.tokens.lengths[row] for row in rows], np.int32)
        self.done[window.kind] += len(rows)
        self.tokens += sum(map(len, texts))
        count = sum(self.done.values())
        fraction = (count + self.empty) / self.total
        self.progress(Tick("embed", fraction, {"samples": count, "tokens": self.tokens}))
        limit = self.encoder.space.max_tokens
        return Embedded(window.ids[rows], vectors, norms, lengths, lengths > limit)

    def put(self, kind: Kind, parts: list[Embedded]) -> None:
        """Store vectors, then what the catalog keeps of them; a kill in between is made good."""
        whole = Embedded(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in _FIELDS)
        )
        self.vectors[kind].append(whole)
        counts = Counts(read=len(whole.ids), added=len(whole.ids))
        if kind == "sample":
            self.record(whole.table("sample_id", np.float32).drop_columns(["vector"]), counts)
        else:
            with self.store.write("embed", job_id=self.job.job_id) as transaction:
                self.job.advance(transaction, self.job.checkpoint + 1, counts)

    def record(self, facts: Any, counts: Counts) -> None:  # noqa: ANN401 - an Arrow table
        """Write token counts, with the job's progress."""
        with self.store.write("embed", job_id=self.job.job_id) as transaction:
            transaction.insert_select(
                schema.sample_score,
                load("embed/uncounted"),
                {"scorer_id": self.scorer_id},
                fact=facts,
            )
            self.job.advance(transaction, self.job.checkpoint + 1, counts)

    def report(self, limit: int | None) -> EmbedReport:
        """Sum up."""
        with self.store.read() as reader:
            cut = reader.rows(load("embed/cut"), space_id=self.named.space_id)
        return EmbedReport(
            self.named,
            self.done["sample"],
            self.done["query"],
            self.tokens,
            self.empty,
            cut,
            monotonic() - self.begun_at,
            limit,
        )


_FIELDS = ("ids", "vectors", "norms", "tokens", "truncated")
