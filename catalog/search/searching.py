"""Search: the samples nearest to a text, or to a sample, as people look at them."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np

from catalog.audit import find_sample
from catalog.errors import InvalidInput, TextPurged
from catalog.functions.encoding import Encode, encode_texts
from catalog.functions.known import known, pool, retired
from catalog.functions.nearest import (
    Question,
    Samples,
    answer,
    check_count,
    lacking,
    with_vectors,
)
from catalog.functions.resident import by_id, ready, searchable
from catalog.home import Home
from catalog.identity import plain_messages
from catalog.model import NamedSpace
from catalog.progress import Progress
from catalog.search.ann import Approximate
from catalog.search.index import Index, find_index
from catalog.selecting.pool import read_pool
from catalog.similarity import BestPerTask
from catalog.spaces import pick
from catalog.sql import load
from catalog.store import Rows, Store
from catalog.vectors import Floats, Ids

SKIP = "--skip-missing"

KEPT = "shown"
MOST_KEPT = 1000
"""Samples whose text an open catalog keeps."""


@dataclass(frozen=True)
class Request:
    """What is searched for; see `Catalog.search`."""

    text: str | None
    like: str | None
    space: str | None
    count: int
    where: str | None
    ann: bool
    skip_missing: bool

    def check(self) -> None:
        """Check what can be checked before anything is read.

        Raises:
            InvalidInput: there is not exactly one thing to search for, or k is less than 1.
        """
        if (self.text is None) == (self.like is None):
            raise InvalidInput(
                "a text and --like given, expected one of them"
                if self.text is not None
                else "neither a text nor --like given, expected one of them",
                hint="Say what to look for: a TEXT, or a sample with --like HASH.",
            )
        if self.text is not None and not self.text.strip():
            raise InvalidInput("the text to search for is empty", hint="Say what to look for.")
        check_count(self.count)


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        space: the embedding space's name.
        like: the content hash of the sample that was the example, or None.
        searched: how many samples were searched; None if an index was asked.
        index: the index that was asked, with its measured recall; None if the search was exact.
        note: why a search that was to ask an index was exact all the same, or what its recall
            does not say; or None.
        samples: rank (from 0), score (cosine), hash, source, external_id, turns, characters and
            messages of each, best first.
    """

    space: str
    like: str | None
    searched: int | None
    index: Index | None
    note: str | None
    samples: Rows


def search(home: Home, request: Request, encode: Encode | None, progress: Progress) -> Found:
    """Find the samples of the pool that are nearest to a text or to a sample.

    Raises:
        InvalidInput: the request contradicts itself.
        UnknownName: there is no such space or sample, or no index to ask.
        MissingVectors: samples have no vector in the space.
        TextPurged: the example's vectors were destroyed.
        ModelError: the space's model cannot be loaded.
    """
    request.check()
    named = pick(known(home).spaces, request.space)
    with ExitStack() as held:
        # What takes no longer than opening the catalog does is done while it is open.
        if request.ann or ready(home, named):
            held.enter_context(Store(home).read())
        return _search(home, named, request, encode, progress)


def _search(
    home: Home,
    named: NamedSpace,
    request: Request,
    encode: Encode | None,
    progress: Progress,
) -> Found:
    example = None
    if request.like is not None:
        example = _example(home, request.like)
    index = find_index(home, named) if request.ann else None
    searching = _Search(home, named, request, example, progress)
    if request.where is not None:
        searching.allowed()  # a condition that is none is told before a model is loaded
    vector = searching.vector(encode)
    found = searching.approximate(vector, index) if index else None
    if found is not None:
        index_asked, note, searched = index, None, None
    else:
        index_asked, note = None, "the index finds too few of these samples" if index else None
        found, searched = searching.exact(vector)
    rows = _described(home, *found)
    if index_asked is not None and request.where is not None:
        note = "that recall is of searches without a condition; with one it may be another"
    return Found(
        named.name, example["hash"] if example else None, searched, index_asked, note, rows
    )


def _example(home: Home, reference: str) -> dict[str, Any]:
    with Store(home).read() as reader:
        example = find_sample(reader, reference)
        if reader.rows("from purged where sample_id = $id", id=example["sample_id"]):
            raise TextPurged(
                f"sample {example['hash'][:16]} was purged: its vectors are gone",
                hint="Give another sample, or a text.",
            )
    return example


@dataclass
class _Search:
    """One search, with what its names stand for."""

    home: Home
    named: NamedSpace
    request: Request
    example: dict[str, Any] | None
    progress: Progress
    pool: Samples | None = None

    def vector(self, encode: Encode | None) -> Floats:
        """Return what to compare with, float32 (width,)."""
        if self.example is None:
            texts = [self.request.text or ""]
            asked: Floats = encode_texts(self.home, self.named, texts, encode)[0]
            return asked
        try:
            found: Floats = by_id(self.home, self.named).of(np.array([self.example["sample_id"]]))[
                0
            ]
            return found
        except KeyError as error:
            raise lacking(
                self.named,
                f"the sample {self.example['hash'][:16]}",
                f"samples without a {self.named.space.text} get none",
            ) from error

    def allowed(self) -> Samples:
        """Return the samples that may be found."""
        if self.pool is None:
            self.pool = self._read_pool()
        if self.example is None:
            return self.pool
        others = self.pool.ids != self.example["sample_id"]
        return Samples(self.pool.ids[others], self.pool.order_keys[others])

    def _those_allowed(self, ids: Ids) -> Ids:
        """Return those of some ids that may be found, without reading the whole pool."""
        if self.request.where is not None:
            return self.allowed().among(ids).ids
        barred = retired(self.home, known(self.home))
        if self.example is not None:
            barred = np.append(barred, self.example["sample_id"])
        return ids[~np.isin(ids, barred)]

    def _order_keys(self, ids: Ids) -> Ids:
        with Store(self.home).read() as reader:
            rows = reader.arrow(load("search/order_keys"), ids=ids.tolist())
        return np.asarray(rows["order_key"].to_numpy())

    def _read_pool(self) -> Samples:
        if self.request.where is None:
            return pool(self.home, known(self.home))
        found = read_pool(Store(self.home), self.request.where, self.named)
        return Samples(found.ids, found.samples["order_key"].to_numpy())

    def approximate(self, vector: Floats, index: Index) -> tuple[Ids, Floats] | None:
        """Ask the index; None if only an exact search can answer."""
        asked = Approximate(self.home, self.named, index.parameters)
        return asked.nearest(vector, self.request.count, self._those_allowed, self._order_keys)

    def exact(self, vector: Floats) -> tuple[tuple[Ids, Floats], int]:
        """Compare with every sample: ids and scores of the nearest, and how many were compared."""
        vectors = searchable(self.home, self.named)
        skips = self.request.skip_missing
        samples = with_vectors(vectors, self.named, self.allowed(), skip_missing=skips, skip=SKIP)
        if not len(samples.ids):
            return (np.empty(0, np.int64), np.empty(0, np.float32)), 0
        best = BestPerTask([1], len(samples.ids))
        answer(vectors, samples, [Question(vector[None], best)], self.progress)
        [(positions, scores, _)] = best.top(self.request.count, samples.order_keys)
        return (samples.ids[positions], scores), len(samples.ids)


def _described(home: Home, ids: Ids, scores: Floats) -> Rows:
    """Return what is shown of the samples that were found, in their order."""
    by_id = _shown(home, ids.tolist())
    found = []
    for rank, (key, cosine) in enumerate(zip(ids.tolist(), scores.tolist(), strict=True)):
        row = {**by_id[key], "messages": plain_messages(by_id[key]["messages"])}
        found.append({"rank": rank, "score": cosine, **row})
    return found


def _shown(home: Home, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Return samples by their ids; who looks around meets many of them again."""
    stamp = known(home).stamp
    kept, rows = home.kept.get(KEPT, (None, {}))
    held: dict[int, dict[str, Any]] = rows if kept == stamp else {}
    if wanted := [key for key in ids if key not in held]:
        with Store(home).read() as reader:
            read = reader.rows(load("search/found"), ids=wanted)
        if len(held) + len(read) > MOST_KEPT:
            held = {key: held[key] for key in ids if key in held}
        held = held | {row.pop("sample_id"): row for row in read}
        if len(held) <= MOST_KEPT:
            home.kept[KEPT] = stamp, held
    return held
