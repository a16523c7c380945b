"""Identity through TRL's own preparation: exactly which tokens of which sample each row holds."""

import copy
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from catalog.errors import InvalidInput
from catalog.training.carrying import HASH_WORDS, KEY, TOLD, UNKNOWN, WORDS
from catalog.training.identity import Identity

PLACE = 2**32
"""A token is marked with its sample's index in the data set times this, plus its place in it."""
ROW = "catalog_row"
CHUNK_ROWS = 1000
Integers = npt.NDArray[np.int64]


class Pieces(NamedTuple):
    """What the rows of a prepared data set hold, in order, one number each per piece of a sample.

    Attributes:
        row: of the prepared data set.
        start: the piece's first token in the row.
        sample: its index in the data set as it was given.
        first: the piece's first token in the sample.
        tokens: how many there are.
    """

    row: Integers
    start: Integers
    sample: Integers
    first: Integers
    tokens: Integers


def carry(trainer: Any, data: Any, identity: Identity) -> list[bytes]:  # noqa: ANN401
    """Give every row of an `SFTTrainer`'s data set the column that says which samples it holds.

    TRL forgets identity when it packs and what it cut off when it truncates. So its own code is run
    once more on the same data set with every token marked by where it comes from; nothing about
    packing is assumed, and what comes out is compared with what is trained on.

    Args:
        trainer: with its data set prepared; that is replaced.
        data: the data set as the trainer was given it.
        identity: tells which sample an item of it is.

    Returns:
        The content hashes of samples that no row holds.

    Raises:
        InvalidInput: what the trainer holds is not what it makes of this data set.
    """
    whole = _tokenized(trainer, data)
    lengths = _lengths(whole)
    if trainer.args.packing:
        prepared = _packed(trainer, whole)
        pieces = _pieces(prepared)
    else:
        prepared = _cut(trainer, whole)
        pieces = _heads_or_tails(trainer, prepared, lengths)
    _compare(prepared, trainer.train_dataset)
    hashes = np.frombuffer(b"".join(_hashes(data, identity)), "<i8").reshape(-1, HASH_WORDS)
    words = _words(pieces, lengths, hashes)
    ends = np.searchsorted(pieces.row, np.arange(1, len(prepared) + 1))
    column = [part.reshape(-1) for part in np.split(words, ends[:-1])]
    trainer.train_dataset = trainer.train_dataset.add_column(KEY, column)
    missing = np.setdiff1d(np.arange(len(lengths)), pieces.sample)
    return [hashes[index].tobytes() for index in missing]


def _tokenized(trainer: Any, data: Any) -> Any:  # noqa: ANN401
    """Return the data set as TRL tokenizes it, row for row, nothing cut, shuffled or packed."""
    arguments = copy.copy(trainer.args)
    arguments.max_length, arguments.shuffle_dataset = None, False
    found = trainer._prepare_dataset(
        data, trainer.processing_class, arguments, False, trainer._formatting_func, "ledger"
    )
    if len(found) != len(data):
        raise InvalidInput(
            f"of {len(data):,} rows the trainer makes {len(found):,} before it packs",
            hint="Prepare the data set yourself, and give its items a `content_hash`.",
        )
    return found


def _packed(trainer: Any, whole: Any) -> Any:  # noqa: ANN401
    """Return the data set packed by TRL, with marks in place of labels, which it packs alike."""
    others = [name for name in whole.column_names if name not in ("input_ids", "labels")]
    marked = whole.remove_columns(others).map(
        _mark, with_indices=True, batched=True, batch_size=CHUNK_ROWS, desc="Marking tokens"
    )
    return trainer._prepare_dataset(
        marked, trainer.processing_class, trainer.args, True, None, "ledger"
    )


def _mark(rows: dict[str, Any], places: list[int]) -> dict[str, Any]:
    lengths = map(len, rows["input_ids"])
    return {
        "labels": [
            list(range(place * PLACE, place * PLACE + length))
            for place, length in zip(places, lengths, strict=True)
        ]
    }


def _cut(trainer: Any, whole: Any) -> Any:  # noqa: ANN401
    """Return the data set cut, filtered and shuffled by TRL, with a column that numbers rows."""
    numbered = whole.add_column(ROW, np.arange(len(whole)))
    return trainer._prepare_dataset(
        numbered, trainer.processing_class, trainer.args, False, None, "ledger"
    )


def _heads_or_tails(trainer: Any, prepared: Any, lengths: Integers) -> Pieces:  # noqa: ANN401
    """Return the one piece that each row is, the beginning of its sample or the end."""
    index = np.array(list(prepared[ROW]), np.int64)
    tokens = _lengths(prepared)
    zero = np.zeros(len(index), np.int64)
    tail = trainer.args.truncation_mode == "keep_end"
    return Pieces(
        np.arange(len(index)), zero, index, lengths[index] - tokens if tail else zero, tokens
    )


def _pieces(prepared: Any) -> Pieces:  # noqa: ANN401
    """Return the pieces in rows of marked tokens: each runs on until the next mark does not."""
    parts, first_row = [np.zeros((5, 0), np.int64)], 0
    for marks, lengths in _lists(prepared, "labels"):
        row = np.repeat(np.arange(len(lengths)), lengths)
        start = np.flatnonzero((np.diff(marks, prepend=-PLACE) != 1) | np.diff(row, prepend=-1))
        tokens = np.diff(np.append(start, len(marks)))
        begun = np.cumsum(lengths) - lengths
        index, first = np.divmod(marks[start], PLACE)
        row = row[start]
        parts.append(np.stack([row + first_row, start - begun[row], index, first, tokens]))
        first_row += len(lengths)
    return Pieces(*np.concatenate(parts, axis=1))


def _words(pieces: Pieces, lengths: Integers, hashes: Integers) -> Integers:
    """Return the words of every piece, shape (pieces, words).

    What was cut off a sample is told with its last piece.
    """
    end = pieces.first + pieces.tokens
    last = np.zeros_like(lengths)
    np.maximum.at(last, pieces.sample, end)
    kept = np.bincount(pieces.sample, pieces.tokens, len(lengths)).astype(np.int64)
    is_last = end == last[pieces.sample]
    cut = (lengths - kept)[pieces.sample] * is_last
    told = {
        "dataset_position": pieces.sample,
        "row_start": pieces.start,
        "sample_start": pieces.first,
        "tokens": pieces.tokens,
        "truncated_tokens": cut,
        "repeated": 0,
    }
    found = np.full((len(pieces.row), WORDS), UNKNOWN, np.int64)
    found[:, :HASH_WORDS] = hashes[pieces.sample]
    for place, name in enumerate(TOLD, HASH_WORDS):
        if name in told:
            found[:, place] = told[name]
    return found


def _compare(ours: Any, theirs: Any) -> None:  # noqa: ANN401
    """Check that two prepared data sets hold the same tokens.

    Raises:
        InvalidInput: they do not.
    """
    same = len(ours) == len(theirs) and all(
        np.array_equal(one[0], other[0]) and np.array_equal(one[1], other[1])
        for one, other in zip(_lists(ours, "input_ids"), _lists(theirs, "input_ids"), strict=True)
    )
    if not same:
        raise InvalidInput(
            "the trainer's data set is not what it makes of the data set given to the ledger",
            hint="Give `attach` the very data set that the trainer was given.",
        )


def _hashes(data: Any, identity: Identity) -> list[bytes]:  # noqa: ANN401
    found = [identity(item) for item in data.select_columns(_there(data, identity))]
    known = [content_hash for content_hash in found if content_hash is not None]
    if len(known) != len(found):
        raise InvalidInput(
            f"{len(found) - len(known):,} of {len(found):,} rows have nothing in "
            f"{identity.column!r}",
            hint="Every row needs its content hash, or none of them can be told apart.",
        )
    return known


def _there(data: Any, identity: Identity) -> list[str]:  # noqa: ANN401
    return [name for name in identity.columns if name in data.column_names]


def _lengths(data: Any) -> Integers:  # noqa: ANN401
    found = [lengths for _, lengths in _lists(data, "input_ids")]
    return np.concatenate([np.zeros(0, np.int64), *found])


def _lists(data: Any, name: str) -> Iterator[tuple[Integers, Integers]]:  # noqa: ANN401
    """Give a column of lists in chunks: all their numbers, and how many each list has."""
    arrow = data.with_format("arrow")
    for start in range(0, len(data), CHUNK_ROWS):
        column = arrow[start : start + CHUNK_ROWS][name].combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = column.chunk(0)
        lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False).astype(np.int64)
        yield column.flatten().to_numpy(zero_copy_only=False).astype(np.int64), lengths
