"""Exact nearest samples: any number of questions to one space, answered in one pass over it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from catalog.errors import InvalidInput, MissingVectors
from catalog.functions.resident import Resident
from catalog.home import Home
from catalog.model import NamedSpace
from catalog.progress import Progress, Tick, silent
from catalog.similarity import BestPerTask, Positions, TopPerQuery, score
from catalog.sql import load
from catalog.store import Reader
from catalog.vectors import Floats, Ids, Vectors


@dataclass(frozen=True)
class Samples:
    """The samples to search among.

    Attributes:
        ids: int64 (n,), ascending.
        order_keys: int64 (n,), which break ties.
    """

    ids: Ids
    order_keys: Ids

    @property
    def size_bytes(self) -> int:
        """What it takes in memory."""
        return self.ids.nbytes + self.order_keys.nbytes

    def among(self, ids: Ids) -> "Samples":
        """Return those of them that are meant."""
        wanted = np.unique(ids)
        if not len(self.ids):
            return self
        places = np.minimum(np.searchsorted(self.ids, wanted), len(self.ids) - 1)
        places = places[self.ids[places] == wanted]
        return Samples(self.ids[places], self.order_keys[places])


@dataclass(frozen=True)
class Question:
    """Vectors to compare with, and what keeps the scores.

    Attributes:
        queries: float32 (queries, width), of length 1.
        answer: takes the scores of these queries in, block by block.
    """

    queries: Floats
    answer: BestPerTask | TopPerQuery


def read_samples(reader: Reader) -> Samples:
    """Return the samples of the pool."""
    found = reader.arrow(load("search/samples"))
    return Samples(found["sample_id"].to_numpy(), found["order_key"].to_numpy())


def check_count(count: int) -> None:
    """Check how many samples are asked for.

    Raises:
        InvalidInput: fewer than one.
    """
    if count < 1:
        raise InvalidInput(f"k is {count}, expected at least 1", hint="Say how many samples.")


def lacking(named: NamedSpace, what: str, but: str) -> MissingVectors:
    """Return the error for vectors that a space lacks."""
    return MissingVectors(
        f"the space {named.name!r} has no vectors for {what}",
        hint=f"Run `catalog embed --space {named.name}` for what is missing; {but}.",
    )


def with_vectors(
    vectors: Vectors | Resident,
    named: NamedSpace,
    samples: Samples,
    *,
    skip_missing: bool,
    skip: str,
) -> Samples:
    """Return the samples that have vectors in a space.

    Args:
        vectors: the space's.
        named: the space.
        samples: all that are meant.
        skip_missing: leave out those that have none.
        skip: what a user types to leave them out.

    Raises:
        MissingVectors: some have none, and are not to be left out.
    """
    missing = vectors.missing(samples.ids)
    if not len(missing):
        return samples
    if not skip_missing:
        raise lacking(
            named,
            f"{len(missing):,} of {len(samples.ids):,} samples",
            f"`{skip}` leaves out those that have none, as samples without a "
            f"{named.space.text} always will",
        )
    held = ~np.isin(samples.ids, missing, assume_unique=True)
    return Samples(samples.ids[held], samples.order_keys[held])


def task_vectors(home: Home, named: NamedSpace, task: str, query_ids: Sequence[int]) -> Floats:
    """Return the vectors of a task's queries, float32 (queries, width).

    Raises:
        MissingVectors: some have none.
    """
    try:
        return Vectors(home, named.space, "query").of(query_ids)
    except KeyError as error:
        raise lacking(
            named,
            f"{len(error.args[0]):,} of the {len(query_ids):,} queries of {task}",
            f"queries without a {named.space.text}, or of a replaced revision, get none",
        ) from error


def answer(
    vectors: Vectors | Resident,
    samples: Samples,
    questions: Sequence[Question],
    progress: Progress = silent,
) -> None:
    """Score every question against the samples, in one pass over the space.

    Args:
        vectors: of the space; every sample must have one.
        samples: to search among.
        questions: whose answers are filled.
        progress: is told how far scoring is.
    """
    if not len(samples.ids):
        return
    matrix = np.concatenate([question.queries for question in questions])
    scored = 0

    def tell(rows: int) -> None:
        nonlocal scored
        scored += rows
        progress(Tick("score", scored / len(samples.ids), {"samples": scored}))

    def take(positions: Positions, scores: Floats) -> None:
        start = 0
        for question in questions:
            end = start + len(question.queries)
            question.answer.add(positions, scores[:, start:end])
            start = end

    score(cast(Vectors, vectors), matrix, samples.ids, take, tell)
