"""Exact scores: the same bits for the same vectors, whatever the block, the order, the limit."""

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import StoreError
from catalog.pieces import Piece
from catalog.similarity import BestPerTask, TopPerQuery, product, score, scoring
from catalog.similarity.device import DeviceProduct, block_rows
from catalog.similarity.top import STEP_ROWS, Cut, Whole


class Scanned:
    """Stands for a space whose vectors come in pieces of any size and order."""

    def __init__(self, ids: np.ndarray, values: np.ndarray, piece: int) -> None:
        self._pieces = [
            Piece.held(ids[start : start + piece], values[start : start + piece])
            for start in range(0, len(ids), piece)
        ]

    def pieces(self) -> Iterator[Piece]:
        yield from self._pieces


def unit(generator: np.random.Generator, count: int, width: int) -> np.ndarray:
    values = generator.normal(size=(count, width)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def whole(scanned: Any, queries: np.ndarray, ids: np.ndarray) -> np.ndarray:
    found = np.full((len(queries), len(ids)), np.nan, np.float32)

    def take(positions: np.ndarray, scores: np.ndarray) -> None:
        assert np.isnan(found[:, positions]).all()
        found[:, positions] = scores.T

    score(scanned, queries, ids, take)
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
    found = whole(Scanned(np.arange(3), values, 3), values[:1], wanted)
    assert np.isnan(found[0]).tolist() == [False, False, False, True, True]


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
    cut, all_held = Cut(queries, limit, keys), Whole(queries, limit, keys)
    cut._step = 7  # so that little is held, and it is shrunk often
    cut._numbers = cut._numbers[:, : limit + 7].copy()
    for held in (cut, all_held):
        top = TopPerQuery(queries, limit, keys)
        top._held = held
        for start in range(0, count, piece):
            positions = np.arange(start, min(start + piece, count))
            top.add(positions, scores[:, positions].T)
        for query, (positions, found, numbers) in enumerate(top.top()):
            expected = np.lexsort((keys, -scores[query]))[:limit]
            assert positions.tolist() == expected.tolist()
            assert found.tolist() == scores[query][expected].tolist()
            assert set(numbers.tolist()) == {query}


def test_what_never_came_is_not_among_the_best() -> None:
    for held in (Cut(1, 9, np.arange(5)), Whole(1, 9, np.arange(5))):
        held.add(np.array([4, 1]), np.array([[-1.0], [2.0]], np.float32))
        [(positions, found)] = held.top()
        assert (positions.tolist(), found.tolist()) == ([1, 4], [2.0, -1.0])


def test_of_most_samples_all_scores_are_held_if_they_fit() -> None:
    held = [
        type(TopPerQuery(queries, limit, np.arange(6400))._held)
        for queries, limit in ((1, 200), (1, 199), (2**15, 200))
    ]
    assert held == [Whole, Cut, Cut]


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


@pytest.mark.parametrize("stored", ["float32", "float16"])
def test_the_best_are_those_of_a_product_in_memory(stored: str) -> None:
    generator = np.random.default_rng(6)
    count, limit = 3 * product.BLOCK_ROWS + 17, 40
    values, asked = unit(generator, count, 32).astype(stored), unit(generator, 11, 32)
    values[generator.choice(count, 200)] = values[5]  # ties, across the borders of blocks
    keys = generator.permutation(count).astype(np.int64)
    ids, order = np.arange(count) * 3 + 2, generator.permutation(count)
    best, top = BestPerTask([4, 7], count, means=True), TopPerQuery(11, limit, keys)
    exact = np.full((count, 11), np.nan, np.float32)

    def take(positions: np.ndarray, scores: np.ndarray) -> None:
        best.add(positions, scores)
        top.add(positions, scores)
        exact[positions] = scores

    score(Scanned(ids[order], values[order], 1000), asked, ids, take)  # type: ignore[arg-type]
    assert np.allclose(exact, values.astype(np.float32) @ asked.T, atol=1e-6)
    for query, (positions, found, _) in enumerate(top.top()):
        expected = np.lexsort((keys, -exact[:, query]))[:limit]
        assert positions.tolist() == expected.tolist()
        assert found.tolist() == exact[expected, query].tolist()
    for task, part in enumerate((exact[:, :4], exact[:, 4:])):
        assert np.array_equal(best.scores[task], part.max(axis=1))
        assert np.array_equal(best.queries[task], part.argmax(axis=1) + 4 * task)
        assert np.allclose(best.means[task], part.mean(axis=1), atol=1e-7)
    twins = np.flatnonzero((values == values[5]).all(axis=1))
    assert len(twins) > 100 and len(set(best.means[0, twins].tolist())) == 1


def test_fewer_samples_than_the_limit_are_all_given() -> None:
    top = TopPerQuery(2, 10, np.array([3, 1, 2]))
    top.add(np.arange(3), np.array([[0.5, -1], [0.5, 0], [-0.0, 0.0]], np.float32))
    lists = [(positions.tolist(), scores.tolist()) for positions, scores, _ in top.top()]
    assert lists == [([1, 0, 2], [0.5, 0.5, 0.0]), ([1, 2, 0], [0.0, 0.0, -1.0])]


def test_the_two_zeros_are_one_score() -> None:
    top = TopPerQuery(1, 2, np.array([2, 1, 0]))
    top.add(np.arange(3), np.array([[0.0], [-0.0], [0.0]], np.float32))
    [(positions, _, _)] = top.top()
    assert positions.tolist() == [2, 1]


@pytest.mark.parametrize("scores", [[-1.0, -0.25, 0.0, 1e-40, 0.25, 1.0], [3e38, -3e38]])
def test_a_score_survives_being_held_as_a_number(scores: list[float]) -> None:
    values = np.array(scores, np.float32)
    top = TopPerQuery(1, len(values), np.arange(len(values)))
    top.add(np.arange(len(values)), values[:, None])
    [(_, found, _)] = top.top()
    assert found.tolist() == sorted(values.tolist(), reverse=True)


def test_what_is_held_is_bounded_by_the_limit() -> None:
    generator = np.random.default_rng(7)
    top = TopPerQuery(3, 5, np.arange(100_000))
    assert isinstance(top._held, Cut) and top._held._numbers.shape == (3, 5 + STEP_ROWS)
    for start in range(0, 100_000, 5000):  # rising, the worst there is
        scores = np.arange(start, start + 5000, dtype=np.float32)[:, None].repeat(3, 1)
        top.add(np.arange(start, start + 5000), scores + generator.random((5000, 3), np.float32))
    assert [found.tolist() for found, _, _ in top.top()] == [list(range(99_999, 99_994, -1))] * 3


def test_a_vector_that_is_no_number_is_told() -> None:
    values = unit(np.random.default_rng(8), 10, 4)
    values[7, 2] = np.nan
    with pytest.raises(StoreError, match="no number"):
        whole(Scanned(np.arange(10), values, 10), values[:1], np.arange(10))
    with pytest.raises(StoreError, match="no number"):
        whole(Scanned(np.arange(10), values, 10), values[7:8], np.arange(3))


@pytest.mark.parametrize("where", ["take", "progress"])
def test_an_error_in_the_middle_ends_the_reading(where: str) -> None:
    values = unit(np.random.default_rng(9), 90_000, 4)
    scanned, before = Scanned(np.arange(90_000), values, 100), threading.active_count()
    given: list[Piece] = []
    scanned._pieces = (given.append(piece) or piece for piece in scanned._pieces)  # type: ignore[assignment]

    def fail(*_: Any) -> None:
        raise ValueError(where)

    how = {"take": lambda *_: None, where: fail}
    with pytest.raises(ValueError, match=where):
        score(scanned, values[:1], np.arange(90_000), **how)  # type: ignore[arg-type]
    assert threading.active_count() == before
    assert len(given) < 900


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_change_no_bit(threads: int) -> None:
    generator = np.random.default_rng(11)
    values, asked = unit(generator, 9000, 48), unit(generator, 5, 48)
    scanned, ids, before = (
        Scanned(np.arange(9000), values, 500),
        np.arange(9000),
        torch.get_num_threads(),
    )
    first = whole(scanned, asked, ids)
    torch.set_num_threads(threads)
    try:
        second = whole(scanned, asked, ids)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(first, second)


def test_more_queries_change_no_bit() -> None:
    generator = np.random.default_rng(12)
    values, asked = unit(generator, 5000, 384), unit(generator, 700, 384)
    scanned, ids = Scanned(np.arange(5000), values, 500), np.arange(5000)
    assert np.array_equal(whole(scanned, asked, ids)[:3], whole(scanned, asked[:3], ids))


def test_no_sample_gives_no_block() -> None:
    values = unit(np.random.default_rng(10), 5, 4)
    empty = np.empty(0, np.int64)
    assert whole(Scanned(np.arange(5), values, 5), values[:1], empty).shape == (1, 0)


def test_blocks_have_one_shape_the_last_one_too(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = set()
    multiply = torch.mm

    def watched(left: Any, right: Any, **out: Any) -> Any:
        shapes.add((tuple(left.shape), tuple(right.shape)))
        return multiply(left, right, **out)

    monkeypatch.setattr(torch, "mm", watched)
    for count, queries in ((1, 33), (4097, 36), (9000, 40)):
        values = unit(np.random.default_rng(5), count, 8)
        whole(
            Scanned(np.arange(count), values, 500), values[:1].repeat(queries, 0), np.arange(count)
        )
    assert shapes == {((40, 8), (8, product.BLOCK_ROWS))}


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def staged(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Products are made as on a GPU; where there is none, on the processor."""
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no GPU")
    monkeypatch.setattr(
        scoring,
        "_products",
        lambda queries: (lambda: DeviceProduct(queries, torch.device(request.param)), 2),
    )


@pytest.mark.parametrize("stored", ["float32", "float16"])
@pytest.mark.parametrize("means", [False, True])
def test_a_device_gives_what_a_product_in_memory_does(
    staged: None, stored: str, means: bool
) -> None:
    generator = np.random.default_rng(13)
    count, sizes = block_rows(512) + 1001, [3, 130, 7]
    values, asked = unit(generator, count, 512).astype(stored), unit(generator, 140, 512)
    asked[5] = asked[3]  # the first of two as good is told
    order, ids = generator.permutation(count), np.arange(count)
    scanned: Any = Scanned(ids[order], values[order], 997)
    exact, best = whole(scanned, asked, ids), BestPerTask(sizes, count, means=means)
    assert np.allclose(exact, asked @ values.astype(np.float32).T, atol=1e-6)
    score(scanned, asked, ids, best)
    for task, (start, end) in enumerate(((0, 3), (3, 133), (133, 140))):
        assert np.array_equal(best.scores[task], exact[start:end].max(axis=0))
        assert np.array_equal(best.queries[task], exact[start:end].argmax(axis=0) + start)
        if means:
            assert np.allclose(best.means[task], exact[start:end].mean(axis=0), atol=1e-7)
    few = whole(scanned, asked[:3], ids)
    assert np.array_equal(few, exact[:3])


def test_a_device_tells_of_what_is_no_number(staged: None) -> None:
    values = unit(np.random.default_rng(8), 10, 4)
    values[7, 2] = np.nan
    with pytest.raises(StoreError, match="no number"):
        score(Scanned(np.arange(10), values, 10), values[:1], np.arange(10), BestPerTask([1], 10))  # type: ignore[arg-type]
