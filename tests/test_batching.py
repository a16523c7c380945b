"""Batches by tokens: every text once, longest first, padded alike, within the cost."""

from hypothesis import given
from hypothesis import strategies as st

from ingest.batching import by_tokens, padded


@given(st.lists(st.integers(1, 250), max_size=60), st.integers(1, 500))
def test_every_text_comes_once_and_no_batch_costs_too_much(
    lengths: list[int], batch_tokens: int
) -> None:
    batches = list(by_tokens(lengths, batch_tokens, 250))
    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))
    for batch in batches:
        [width] = {padded(lengths[position], 250) for position in batch}
        assert len(batch) * width <= batch_tokens or len(batch) == 1
        assert len({lengths[position] < width for position in batch}) == 1


@given(st.lists(st.integers(1, 300), min_size=1, max_size=60))
def test_texts_come_longest_first(lengths: list[int]) -> None:
    order = [lengths[position] for batch in by_tokens(lengths, 512) for position in batch]
    assert order == sorted(lengths, reverse=True)


def test_equal_lengths_keep_their_order() -> None:
    assert list(by_tokens([3, 3, 3, 3], 16)) == [[0, 1], [2, 3]]


def test_a_text_longer_than_a_batch_goes_alone() -> None:
    assert list(by_tokens([50, 2, 2], 20)) == [[0], [1, 2]]


def test_nothing_makes_no_batch() -> None:
    assert list(by_tokens([], 10)) == []
