"""Vectors on disk: each key once, in any order, whatever else goes on."""

import threading
from pathlib import Path

import numpy as np
import pytest

from catalog import Catalog
from catalog.errors import StoreError
from catalog.model import EmbeddingSpace
from catalog.vectors import Embedded, Vectors

SPACE = EmbeddingSpace(
    "none", "0", "tulu", "0", "conversation", "mean", "last", 64, "float32", "float32", 3
)


def embedded(ids: list[int], value: float = 1.0) -> Embedded:
    count = len(ids)
    values = np.full((count, 3), value, np.float32)
    values[:, 0] = ids
    return Embedded(
        np.array(ids, np.int64),
        values,
        np.full(count, 2.5, np.float32),
        np.arange(count, dtype=np.int32),
        np.arange(count) % 2 == 0,
    )


def test_a_key_that_is_there_stays_as_it_is(cat: Catalog) -> None:
    vectors = Vectors(cat.home, SPACE, "sample")
    vectors.append(embedded([1, 2], 1.0))
    vectors.append(embedded([2, 3], 9.0))
    assert vectors.of([1, 2, 3])[:, 1].tolist() == [1.0, 1.0, 9.0]
    assert len(vectors.facts()) == 3


def test_two_that_append_the_same_keys_at_once_store_them_once(cat: Catalog) -> None:
    writers = [Vectors(cat.home, SPACE, "sample") for _ in range(4)]
    ids = list(range(1, 50))
    threads = [threading.Thread(target=w.append, args=(embedded(ids),)) for w in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(writers[0].facts()["sample_id"].to_pylist()) == ids


def test_vectors_come_in_the_order_asked_for(cat: Catalog) -> None:
    vectors = Vectors(cat.home, SPACE, "sample")
    vectors.append(embedded([5, 1, 9]))
    assert vectors.of([9, 5, 9])[:, 0].tolist() == [9.0, 5.0, 9.0]
    assert vectors.of([9]).dtype == np.float32


def test_asking_for_what_is_not_there_names_it(cat: Catalog) -> None:
    vectors = Vectors(cat.home, SPACE, "query")
    vectors.append(embedded([1]))
    with pytest.raises(KeyError, match=r"\[2, 7\]"):
        vectors.of([7, 1, 2])
    assert vectors.missing(np.array([1, 2, 7])).tolist() == [2, 7]


def test_samples_and_queries_live_apart(cat: Catalog) -> None:
    Vectors(cat.home, SPACE, "query").append(embedded([1, 2]))
    assert len(Vectors(cat.home, SPACE, "sample").facts()) == 0


def test_a_reader_sees_what_others_append(cat: Catalog) -> None:
    reader, writer = Vectors(cat.home, SPACE, "sample"), Vectors(cat.home, SPACE, "sample")
    assert len(reader.facts()) == 0
    writer.append(embedded([1, 2, 3]))
    assert sum(len(ids) for ids, _ in reader.scan()) == 3


def test_compacting_changes_nothing(cat: Catalog) -> None:
    vectors = Vectors(cat.home, SPACE, "sample")
    for key in range(70):
        vectors.append(embedded([key]))
    before = vectors.facts().sort_by("sample_id")
    vectors.compact()
    assert vectors.facts().sort_by("sample_id") == before
    assert len(vectors._dataset().get_fragments()) == 1


def test_facts_are_kept_beside_the_vectors(cat: Catalog) -> None:
    vectors = Vectors(cat.home, SPACE, "sample")
    vectors.append(embedded([4, 5]))
    assert vectors.facts().to_pylist() == [
        {"sample_id": 4, "norm": 2.5, "tokens": 0, "truncated": True},
        {"sample_id": 5, "norm": 2.5, "tokens": 1, "truncated": False},
    ]


def test_a_damaged_table_is_a_store_error(cat: Catalog) -> None:
    Vectors(cat.home, SPACE, "sample").append(embedded([1]))
    for path in Path(cat.home.vectors).rglob("*"):
        if path.is_file():
            path.write_bytes(b"x" * 100)
    with pytest.raises(StoreError, match="LanceDB failed to"):
        Vectors(cat.home, SPACE, "sample").facts()
