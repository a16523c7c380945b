"""Identity on its way from the data set to the forward pass, as one tensor in every batch.

Numbers only, so that whatever slices, pins, moves or broadcasts batches takes it along.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

KEY = "catalog_ledger"
"""The name in the batch; before that the column of a packed data set."""

HASH_WORDS = 4
NO_HASH = bytes(8 * HASH_WORDS)
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
NAMELESS = -3
"""In `repeated`: there is a sample, and its item does not say which."""

Words = npt.NDArray[np.int64]


class Carried(NamedTuple):
    """The samples of a batch, in order: hashes, and what is known of each beside.

    Attributes:
        content_hashes: of those whose items say which they are.
        told: any of `TOLD`, one value or None for each of these.
        nameless: how many samples there are beside.
    """

    content_hashes: list[bytes]
    told: dict[str, list[Any]]
    nameless: int


def alone(content_hashes: Sequence[bytes | None], told: Mapping[str, Sequence[Any]]) -> Words:
    """Return samples that have a row each.

    Args:
        content_hashes: of 32 bytes; None where nobody knows.
        told: any of `TOLD`, one value or None per sample.

    Returns:
        int64, shape (rows, 1, words).
    """
    found = np.full((len(content_hashes), 1, WORDS), UNKNOWN, np.int64)
    raw = np.frombuffer(b"".join(known or NO_HASH for known in content_hashes), "<i8")
    found[:, 0, :HASH_WORDS] = raw.reshape(-1, HASH_WORDS)
    found[:, 0, -1] = 0
    for name, values in told.items():
        found[:, 0, HASH_WORDS + TOLD.index(name)] = [
            UNKNOWN if value is None else value for value in values
        ]
    if None in content_hashes:
        found[[known is None for known in content_hashes], 0, -1] = NAMELESS
    return found


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
    rows, most, _ = found.shape
    whole = found.reshape(rows * most, WORDS)
    there = whole[:, -1] > EMPTY
    nameless = int((whole[:, -1] == NAMELESS).sum())
    number = np.repeat(np.arange(rows), most)
    if not there.all():
        whole, number = whole[there], number[there]
    raw = whole[:, :HASH_WORDS].astype("<i8").tobytes()
    size = 8 * HASH_WORDS
    hashes = [raw[start : start + size] for start in range(0, len(raw), size)]
    numbers = whole[:, HASH_WORDS:].T
    known = numbers != UNKNOWN
    told: dict[str, list[Any]] = {"repeated": (numbers[-1] > 0).tolist()}
    for name, column, has in zip(TOLD[:-1], numbers, known, strict=False):
        if has.all():
            told[name] = column.tolist()
        elif has.any():
            told[name] = [None if value == UNKNOWN else value for value in column.tolist()]
    if "batch_row" not in told:
        # One row of the batch is one row of this, but where a collator laid all rows end to end.
        told["batch_row"] = number.tolist()
    return Carried(hashes, told, nameless)
