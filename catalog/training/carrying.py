"""Identity on its way from the data set to the forward pass, as one tensor in every batch.

Numbers only, so that whatever slices, pins, moves or broadcasts batches takes it along.
"""

from collections.abc import Sequence
from struct import unpack
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

KEY = "catalog_ledger"
"""The name in the batch; before that the column of a packed data set."""

HASH_WORDS = 4
TOLD = (
    "dataset_position",
    "batch_row",
    "row_start",
    "sample_start",
    "tokens",
    "truncated_tokens",
    "loss_tokens",
    "repeated",
)
WORDS = HASH_WORDS + len(TOLD)
UNKNOWN = -1
EMPTY = -2
"""In `repeated`: there is no sample in this place, a row holds fewer than others."""

Words = npt.NDArray[np.int64]


class Carried(NamedTuple):
    """The samples of a batch, in order: hashes, and what is known of each beside."""

    content_hashes: list[bytes]
    told: dict[str, list[Any]]


def words(content_hash: bytes, **told: int | None) -> list[int]:
    """Return a sample as numbers: its hash, then `TOLD`.

    >>> words(bytes(31) + bytes([1]), tokens=7)[3:9]
    [72057594037927936, -1, -1, -1, -1, 7]
    """
    known = [UNKNOWN if (value := told.get(name)) is None else int(value) for name in TOLD]
    return [*unpack("<4q", content_hash), *known]


def stacked(rows: Sequence[Sequence[int]]) -> Words:
    """Return the samples of each row of a batch side by side.

    Args:
        rows: of each row its samples' words, one after the other.

    Returns:
        int64, shape (rows, most samples in a row, words).
    """
    most = max((len(row) for row in rows), default=0) // WORDS
    found = np.full((len(rows), most, WORDS), EMPTY, np.int64)
    for number, row in enumerate(rows):
        found[number].reshape(-1)[: len(row)] = row
    return found


def unstacked(found: Words) -> Carried:
    """Return the samples that `stacked` put side by side, row by row.

    Args:
        found: int64, shape (rows, samples, words).
    """
    number, place = np.nonzero(found[:, :, -1] != EMPTY)
    chosen = found[number, place]
    raw = np.ascontiguousarray(chosen[:, :HASH_WORDS]).astype("<i8", copy=False).tobytes()
    size = 8 * HASH_WORDS
    hashes = [raw[start : start + size] for start in range(0, len(raw), size)]
    # One row of the batch is one row of this, but where a collator laid all rows end to end.
    rows = chosen[:, HASH_WORDS + TOLD.index("batch_row")]
    rows[rows == UNKNOWN] = number[rows == UNKNOWN]
    told: dict[str, list[Any]] = {}
    for name, column in zip(TOLD, chosen[:, HASH_WORDS:].T, strict=True):
        if name == "repeated":
            told[name] = (column > 0).tolist()
        elif (column != UNKNOWN).any():
            told[name] = [None if value == UNKNOWN else value for value in column.tolist()]
    return Carried(hashes, told)
