"""Exact scores: the same bits for the same vectors, whatever the block, the order, the limit."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import similarity
from catalog.similarity import BestPerTask, TopPerQuery, score


class Scanned:
    """Stands for a space whose vectors come in pieces of any size and order."""

    def __init__(self, ids: np.ndarray, values: np.ndarray, piece: int) -> None:
        self.pieces = [
            (ids[start : start + piece], values[start : start + piece])
            for start in range(0, len(ids), piece)
        ]

    def scan(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        yield from self.pieces


def unit(generator: np.random.Generator, count: int, width: int) -> np.ndarray:
    values = generator.normal(size=(count, width)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def whole(scanned: Any, queries: np.ndarray, ids: np.ndarray) -> np.ndarray:
    found = np.full((len(queries), len(ids)), np.nan, np.float32)
    for positions, scores in score(scanned, queries, ids):
        assert np.isnan(found[:, positions]).all()
        found[:, positions] = scores.T
    return found


@pytest.mark.parametrize("stored", ["float32", "float16"])
@pytest.mark.parametrize(("count", "width", "queries"), [(1, 3, 1), (5000, 16, 70), (4096, 64, 64)])
def test_scores_are_the_cosines(stored: str, count: int, width: int, queries: int) -> None:
    generator = np.random.default_rng(0)
    values, asked = unit(generator, count, width).astype(stored), unit(generator, queries, width)
    ids = np.arange(10, 10 + count)
    found = whole(Scanned(ids, values, 999), asked, ids)
    expected = asked.astype(np.float64) @ values.astype(np.float64).T
    assert np.allclose(found, expected, atol=1e-6)


def test_only_the_pool_is_scored() -> None:
    generator = np.random.default_rng(1)
    values, asked = unit(generator, 100, 4), unit(generator, 2, 4)
    wanted = np.array([3, 50, 99])
    found = whole(Scanned(np.arange(100), values, 7), asked, wanted)
    assert np.allclose(found, asked @ values[wanted].T, atol=1e-6)


def test_ids_without_a_vector_are_left_out() -> None:
    values = unit(np.random.default_rng(2), 3, 4)
    wanted = np.array([0, 1, 2, 3, 4])
    scored = [p.copy() for p, _ in score(Scanned(np.arange(3), values, 3), values[:1], wanted)]  # type: ignore[arg-type]
    assert np.concatenate(scored).tolist() == [0, 1, 2]


def test_the_order_and_size_of_pieces_change_no_bit() -> None:
    generator = np.random.default_rng(3)
    values, asked = unit(generator, 9000, 48), unit(generator, 5, 48)
    ids = np.arange(9000)
    first = whole(Scanned(ids, values, 9000), asked, ids)
    shuffled = generator.permutation(9000)
    second = whole(Scanned(ids[shuffled], values[shuffled], 613), asked, ids)
    assert np.array_equal(first, second)


def test_equal_vectors_have_equal_scores_wherever_they_stand() -> None:
    generator = np.random.default_rng(4)
    values, asked = unit(generator, 6000, 100), unit(generator, 9, 100)
    twins = generator.choice(6000, 50, replace=False)
    values[twins] = values[twins[0]]
    ids = np.arange(6000)
    found = whole(Scanned(ids, values, 1000), asked, ids)[:, twins]
    assert (found == found[:, :1]).all()


@given(
    st.integers(0, 10_000),
    st.integers(1, 60),
    st.integers(1, 5),
    st.integers(1, 60),
    st.integers(1, 60),
)
def test_the_best_of_a_query_are_those_of_a_whole_sort(
    seed: int, count: int, queries: int, limit: int, piece: int
) -> None:
    generator = np.random.default_rng(seed)
    scores = generator.integers(0, 5, size=(queries, count)).astype(np.float32)  # many ties
    keys = generator.permutation(count).astype(np.int64)
    top = TopPerQuery(queries, limit, keys)
    top._room = 7  # so that little is held, and it is shrunk often
    for start in range(0, count, piece):
        positions = np.arange(start, min(start + piece, count))
        top.add(positions, scores[:, positions].T)
    for query, (positions, found, numbers) in enumerate(top.top()):
        expected = np.lexsort((keys, -scores[query]))[:limit]
        assert positions.tolist() == expected.tolist()
        assert found.tolist() == scores[query][expected].tolist()
        assert set(numbers.tolist()) == {query}


@given(
    st.integers(0, 10_000),
    st.integers(1, 60),
    st.lists(st.integers(1, 4), min_size=1, max_size=4),
    st.integers(1, 60),
    st.integers(1, 60),
)
def test_the_best_of_a_task_are_those_of_its_queries(
    seed: int, count: int, sizes: list[int], limit: int, piece: int
) -> None:
    generator = np.random.default_rng(seed)
    scores = generator.integers(0, 9, size=(sum(sizes), count)).astype(np.float32)
    keys = generator.permutation(count).astype(np.int64)
    best = BestPerTask(sizes, count)
    for start in range(0, count, piece):
        positions = np.arange(start, min(start + piece, count))
        best.add(positions, scores[:, positions].T)
    ends = np.cumsum(sizes)
    for task, (positions, found, numbers) in enumerate(best.top(limit, keys)):
        start, end = int(ends[task]) - sizes[task], int(ends[task])
        of_task = scores[start:end].max(axis=0)
        expected = np.lexsort((keys, -of_task))[:limit]
        assert positions.tolist() == expected.tolist()
        assert found.tolist() == of_task[expected].tolist()
        for position, query in zip(positions, numbers, strict=True):
            assert query == start + scores[start:end, position].argmax()


def test_blocks_have_one_shape_the_last_one_too(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = set()
    product = similarity.torch.mm

    def watched(left: Any, right: Any, **out: Any) -> Any:
        shapes.add((tuple(left.shape), tuple(right.shape)))
        return product(left, right, **out)

    monkeypatch.setattr(similarity.torch, "mm", watched)
    for count, queries in ((1, 1), (4097, 33), (9000, 64)):
        values = unit(np.random.default_rng(5), count, 8)
        whole(
            Scanned(np.arange(count), values, 500), values[:1].repeat(queries, 0), np.arange(count)
        )
    assert shapes == {((similarity.BLOCK_ROWS, 8), (8, 64))}
