"""Building a vector index and measuring what it finds against exact search."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isqrt
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import numpy as np

from catalog.errors import InvalidInput, StoreError, TooFewSamples
from catalog.functions.nearest import Question, Samples, answer
from catalog.home import Home
from catalog.jobs import job
from catalog.model import NamedSpace
from catalog.progress import Progress, Tick, silent
from catalog.search.ann import Approximate
from catalog.search.index import (
    RECALL_AT,
    STEPS,
    Index,
    IndexKind,
    alone,
    find_index,
    index_names,
    mapped,
    open_table,
)
from catalog.similarity import TopPerQuery
from catalog.spaces import query_ids, the_space
from catalog.store import Store
from catalog.vectors import Floats, Ids, Vectors

LEAST_SAMPLES = 1000
"""Fewer are searched exactly in no time, and are too few to learn an index from."""

WANTED_RECALL = 0.95
QUERIES = 200
"""How many queries the recall is measured on, at most."""

ENOUGH_QUERIES = 100
"""With fewer stored queries than this, samples serve as queries too."""

PARAMETERS: Mapping[IndexKind, Mapping[str, int]] = {
    "hnsw_sq": {"m": 20, "ef_construction": 150},
    "rq": {"num_bits": 1},
    "flat": {},
}
"""Of each kind; `ef_construction` is half of LanceDB's: a graph is built twice as fast, and what is
lost is found by looking harder."""

GRAPH_ROWS = 1 << 20
"""Vectors in one graph, about."""

GRAPH_BYTES = 320
"""What a graph's links take, for every vector."""


def build_index(
    home: Home, space: str | None, kind: IndexKind = "rq", progress: Progress = silent
) -> Index:
    """Build a space's index, or build it anew, and measure its recall.

    The old index, if there is one, is used until the new one is there.

    Args:
        home: the catalog's.
        space: name of the embedding space; may be None if there is one.
        kind: `rq` is the smallest and the fastest to build, `hnsw_sq` answers fastest, `flat` keeps
            vectors as they are.
        progress: is told what is done.

    Raises:
        TooFewSamples: the space has too few vectors for an index.
        HomeBusy: another process is changing the space's vectors.
        StoreError: LanceDB fails, or the disk is full.
    """
    if kind not in get_args(IndexKind):
        raise InvalidInput(
            f"{kind!r} is no kind of index", hint=f"Kinds: {', '.join(get_args(IndexKind))}."
        )
    with Store(home).read() as reader:
        named = the_space(reader, space)
        queries = query_ids(reader)
    _require(home, named, kind)
    parameters = {"space": named.name, "kind": kind}
    with alone(home, named), job(home, "index", parameters, named.space.table_name) as running:
        table = open_table(home, named)
        samples = int(table.count_rows())
        name = _build(home, table, kind, running.job_id, progress)
        measured = _Measure.on(home, named, queries, progress).recall(home, named, progress)
        with Store(home).write("index", job_id=running.job_id) as transaction:
            from sqlalchemy import delete

            from catalog import schema

            kept = schema.vector_index
            transaction.run(delete(kept).where(kept.c.space_id == named.space_id))
            row = {"space_id": named.space_id, "kind": kind, "samples": samples, **measured}
            row["parameters"] = {"name": name, **row["parameters"]}
            transaction.insert(kept, {**row, "built_at": datetime.now(UTC)})
            running.finish(transaction)
    return find_index(home, named)


def _require(home: Home, named: NamedSpace, kind: IndexKind) -> None:
    """Check that there is enough to index, and room for it."""
    samples = int(open_table(home, named).count_rows())
    width = named.space.width
    row = {"flat": width * 4, "hnsw_sq": width + GRAPH_BYTES, "rq": width // 8 + 32}[kind]
    free = shutil.disk_usage(home.path).free
    if free < 2 * samples * row:  # it is sorted on disk before it is there
        raise StoreError(
            f"an index {kind} of {samples:,} vectors may need {2 * samples * row / 1e9:.1f} GB, "
            f"{free / 1e9:.1f} GB are free at {home.path}",
            hint="Free some space, or choose --kind rq, the smallest.",
        )
    if samples < LEAST_SAMPLES:
        raise TooFewSamples(
            f"the space {named.name!r} has {samples:,} vectors, an index wants at least "
            f"{LEAST_SAMPLES:,}",
            hint="So few are searched exactly in no time: leave --ann out.",
        )


def _build(home: Home, table: Any, kind: IndexKind, job_id: int, progress: Progress) -> str:  # noqa: ANN401
    """Build an index beside the old one, forget the old one, and return the new one's name."""
    from catalog.search.partitions import partition

    old = index_names(table)
    numbers = [int(number) for one in old if (number := one.rpartition("-")[2]).isdecimal()]
    name = f"{kind}-{max(numbers, default=0) + 1}"
    samples = int(table.count_rows())
    with mapped("build the index"), _folder(home, job_id) as folder:
        parts = folder / "partitions.lance"
        centres = partition(table, _partitions(samples, kind), parts, progress)
        progress(Tick("index", None, {"samples": samples}))
        table.create_index(
            "vector",
            f"IVF_{kind.upper()}",
            name=name,
            metric="cosine",
            num_partitions=len(centres),
            ivf_centroids=centres,
            precomputed_partition_dataset=str(parts),
            **PARAMETERS[kind],
        )
        for one in old:
            table.drop_index(one)
    return name


def _partitions(samples: int, kind: IndexKind) -> int:
    """Return how many parts to look for the nearest in; a graph is searched as fast when large."""
    return samples // GRAPH_ROWS + 1 if kind == "hnsw_sq" else isqrt(samples)


@contextmanager
def _folder(home: Home, job_id: int) -> Iterator[Path]:
    """Lend a folder for what is needed while building; what a killed build left is removed."""
    for left in home.staging.glob(f"job-{job_id}-*"):
        shutil.rmtree(left, ignore_errors=True)
    home.staging.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix=f"job-{job_id}-", dir=home.staging) as folder:
        yield Path(folder)


@dataclass(frozen=True)
class _Measure:
    """What an index is measured on.

    Attributes:
        queries: float32 (n, width).
        own: int64 (n,): the sample that a query is itself, or -1.
        least: float32 (n,): the exact score of the last sample that is to be found.
        wanted: how many samples each query is to find.
        source: of the queries, in words.
    """

    queries: Floats
    own: Ids
    least: Floats
    wanted: int
    source: str

    @classmethod
    def on(cls, home: Home, named: NamedSpace, query_ids: Ids, progress: Progress) -> "_Measure":
        """Choose queries and answer them exactly."""
        vectors = Vectors(home, named.space, "sample")
        ids = np.sort(vectors.facts()["sample_id"].to_numpy())
        queries, own = _queries(home, named, query_ids, ids)
        top = TopPerQuery(len(queries), RECALL_AT + 1, ids)
        answer(vectors, Samples(ids, ids), [Question(queries, top)], progress)
        least = np.empty(len(queries), np.float32)
        for row, (positions, scores, _) in enumerate(top.top()):
            least[row] = scores[ids[positions] != own[row]][RECALL_AT - 1]
        stored = int((own < 0).sum())
        parts = {"stored queries": stored, "samples as queries": len(own) - stored}
        told = ", ".join(f"{number} {name}" for name, number in parts.items() if number)
        return cls(queries, own, least, RECALL_AT, told)

    def recall(self, home: Home, named: NamedSpace, progress: Progress) -> dict[str, Any]:
        """Look harder until enough is found, and return what that took and gave."""
        for tried, step in enumerate(STEPS, 1):
            found = self._share_found(Approximate(home, named, step))
            progress(Tick("measure", None, {"tries": tried}))
            if found >= WANTED_RECALL:
                break
        return {
            "recall": found,
            "recall_at": self.wanted,
            "queries": len(self.queries),
            "parameters": {**step, "measured_on": self.source},
        }

    def _share_found(self, index: Approximate) -> float:
        """Return the share of the exact nearest that an index finds; equal scores are as good."""
        hits = 0
        for query, own, least in zip(self.queries, self.own, self.least, strict=True):
            ids, scores = index.find(query, self.wanted + (own >= 0))
            hits += min(int((scores[ids != own] >= least).sum()), self.wanted)
        return hits / (len(self.queries) * self.wanted)


def _queries(home: Home, named: NamedSpace, query_ids: Ids, ids: Ids) -> tuple[Floats, Ids]:
    """Return what to ask, and which sample each is; the same on every run."""
    stored = Vectors(home, named.space, "query")
    held = np.setdiff1d(query_ids, stored.missing(query_ids), assume_unique=True)
    chosen = _spread(held, QUERIES)
    room = QUERIES - len(chosen) if len(chosen) < ENOUGH_QUERIES else 0
    samples = _spread(ids, room)
    parts = [stored.lookup().of(chosen)] if len(chosen) else []
    if room:
        parts.append(Vectors(home, named.space, "sample").lookup().of(samples))
    return np.concatenate(parts), np.concatenate([np.full(len(chosen), -1), samples])


def _spread(ids: Ids, count: int) -> Ids:
    """Return some ids, evenly spread over all."""
    return ids[np.linspace(0, len(ids) - 1, min(count, len(ids))).astype(np.int64)]
