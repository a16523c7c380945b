"""Sets of samples to measure: what a snapshot holds, what a draw gave, what they chose from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from catalog.sql import load
from catalog.store import Reader
from catalog.vectors import Ids

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Members:
    """Distinct samples, how often each counts, and what they were chosen by.

    Attributes:
        ids: int64 (n,), ascending.
        times: int64 (n,), at least 1.
        scores: float64 (n,), not a number where there is none.
        seed: of the draw, or None for a snapshot.
    """

    ids: Ids
    times: Ids
    scores: Numbers
    seed: int | None = None

    @property
    def samples(self) -> int:
        """How many samples it has, repeats counted."""
        return int(self.times.sum())


def read_members(
    reader: Reader, snapshot_id: int, space_id: int | None
) -> tuple[Members, int | None]:
    """Return what a snapshot holds, and its tokens in a space, repeats counted.

    The tokens are None if there is no space, or a member has no count in it.
    """
    found = reader.arrow(load("compare/members"), snapshot_id=snapshot_id, space_id=space_id)
    times = found["times"].to_numpy()
    members = Members(found["sample_id"].to_numpy(), times, numbers(found["score"]))
    tokens = times @ numbers(found["tokens"])
    return members, None if np.isnan(tokens) else int(tokens)


def numbers(column: pa.ChunkedArray) -> Numbers:
    """Return a column as float64, not a number where it is null."""
    return np.asarray(column.cast(pa.float64()).to_numpy()).astype(np.float64)


def drawn(ids: Ids, seed: int | None) -> Members:
    """Return a draw, or a pool, of samples that each count once."""
    ordered = np.sort(ids)
    return Members(ordered, np.ones_like(ordered), np.full(len(ordered), np.nan), seed)


def union(sets: Sequence[Members]) -> Ids:
    """Return the ids of the samples that any of some sets holds, ascending."""
    return np.unique(np.concatenate([np.empty(0, np.int64), *(one.ids for one in sets)]))


def letters() -> Iterator[str]:
    """Give A to Z, then AA, AB, and so on.

    >>> from itertools import islice
    >>> [*islice(letters(), 28)][-3:]
    ['Z', 'AA', 'AB']
    """
    alphabet = [chr(ord("A") + number) for number in range(26)]
    yield from alphabet
    for before in letters():
        yield from (f"{before}{letter}" for letter in alphabet)
