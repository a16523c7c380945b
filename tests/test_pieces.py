"""Vectors read from where they lie in Lance's files: what Lance itself gives, bit for bit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catalog import Catalog, pieces
from catalog.errors import StoreError
from catalog.model import EmbeddingSpace
from catalog.vectors import Embedded, Vectors


def filled(cat: Catalog, width: int, stored: str, counts: list[int]) -> Vectors:
    """A space of random vectors, so many in each fragment."""
    space = EmbeddingSpace(
        "none", "0", "tulu", "0", "conversation", "mean", "last", 64, "float32", stored, width
    )
    vectors, start = Vectors(cat.home, space, "sample"), 0
    generator = np.random.default_rng(0)
    for count in counts:
        ids = np.arange(start, start + count)[::-1].copy()
        values = generator.normal(size=(count, width)).astype(np.float32)
        ones = np.ones(count, np.int32)
        facts = (ones.astype(np.float32), ones, ones.astype(np.bool_))
        vectors.append(Embedded(ids, values, *facts))
        start += count
    return vectors


def read(vectors: Vectors) -> tuple[dict[int, bytes], int]:
    """Every id's vector, and how many reads went into memory that was lent."""
    found, lent = {}, 0
    for piece in vectors.pieces():
        room = np.full(piece.room_bytes, 255, np.uint8)
        values = piece.read(room)
        lent += np.shares_memory(values, room)
        for key, value in zip(piece.ids.tolist(), values, strict=True):
            if key >= 0:
                assert key not in found
                found[key] = value.tobytes()
    return found, lent


def scanned(vectors: Vectors) -> dict[int, bytes]:
    return {
        key: value.tobytes()
        for ids, values in vectors.scan()
        for key, value in zip(ids.tolist(), values, strict=True)
    }


@pytest.mark.parametrize("stored", ["float16", "float32"])
@pytest.mark.parametrize("width", [384, 1000])
def test_wide_vectors_are_read_from_the_files_as_lance_gives_them(
    cat: Catalog, monkeypatch: pytest.MonkeyPatch, width: int, stored: str
) -> None:
    monkeypatch.setattr(pieces, "PIECE_BYTES", 100_000)
    vectors = filled(cat, width, stored, [301, 2, 70])
    found, lent = read(vectors)
    assert found == scanned(vectors) and len(found) == 373
    of_piece = 100_000 // (width * np.dtype(stored).itemsize)
    assert lent == sum(-(-count // of_piece) for count in (301, 2, 70))


def test_narrow_vectors_are_left_to_lance(cat: Catalog) -> None:
    vectors = filled(cat, 3, "float32", [50, 60])
    found, lent = read(vectors)
    assert found == scanned(vectors) and len(found) == 110
    assert lent == 0


def test_deleted_rows_are_passed_over(cat: Catalog) -> None:
    vectors = filled(cat, 384, "float16", [40, 40])
    vectors._table.delete("sample_id in (0, 3, 4, 79)")
    found, lent = read(vectors)
    assert found == scanned(vectors) and len(found) == 76
    assert lent == 2


def test_compacted_vectors_are_read_from_the_files_too(cat: Catalog) -> None:
    vectors = filled(cat, 384, "float32", [40, 40, 40])
    vectors._table.delete("sample_id = 7")
    vectors._table.optimize()
    found, lent = read(vectors)
    assert found == scanned(vectors) and len(found) == 119
    assert lent == 1


def test_a_layout_that_is_not_known_is_left_to_lance(
    cat: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = filled(cat, 384, "float32", [20])
    monkeypatch.setattr(pieces, "PLAIN", pieces.PLAIN.replace("Flat", "Flatter"))
    found, lent = read(vectors)
    assert found == scanned(vectors) and len(found) == 20
    assert lent == 0


def test_a_file_cut_short_while_it_is_read_is_told(cat: Catalog) -> None:
    vectors = filled(cat, 384, "float32", [4000])
    coming: Any = vectors.pieces()
    first = next(coming)
    [path] = Path(cat.home.vectors).rglob("data/*.lance")
    path.write_bytes(b"")
    with pytest.raises(StoreError, match="cut short"):
        first.read(np.empty(first.room_bytes, np.uint8))
