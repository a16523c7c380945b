"""Poolings: exact weights, float32 throughout, and no trace of padding."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from catalog.model import Pooling
from ingest.pooling import POOLINGS, last_token, mean, weighted_mean

ALL = pytest.mark.parametrize("pooling", list(POOLINGS))


def by_hand(pooling: Pooling, states: torch.Tensor) -> torch.Tensor:
    """Pool the states of one text, (tokens, width), in float64, from the definitions."""
    count = len(states)
    if pooling == "last_token":
        return states[-1].double()
    weights = [2 * i / (count * (count + 1)) for i in range(1, count + 1)]
    if pooling == "mean":
        weights = [1 / count] * count
    return sum(w * state.double() for w, state in zip(weights, states, strict=True))  # type: ignore[return-value]


def test_later_tokens_weigh_more_in_the_weighted_mean() -> None:
    hidden = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]])
    found = weighted_mean(hidden, torch.ones(1, 3, dtype=torch.long))
    assert torch.allclose(found, torch.tensor([[4 / 6, 5 / 6]]))


def test_the_mean_weighs_all_alike() -> None:
    hidden = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]]])
    assert torch.equal(mean(hidden, torch.ones(1, 3, dtype=torch.long)), torch.ones(1, 2))


def test_the_last_token_is_the_last_real_one_on_either_side() -> None:
    hidden = torch.tensor([[[1.0], [4.0], [9.0]], [[1.0], [4.0], [9.0]]])
    mask = torch.tensor([[1, 1, 0], [0, 1, 1]])
    assert torch.equal(last_token(hidden, mask), torch.tensor([[4.0], [9.0]]))


@ALL
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=5), left=st.booleans())
def test_padding_of_either_side_and_any_content_has_no_effect(
    pooling: Pooling, lengths: list[int], left: bool
) -> None:
    generator = torch.Generator().manual_seed(sum(lengths))
    texts = [torch.randn(length, 4, generator=generator) for length in lengths]
    longest = max(lengths)
    hidden = torch.full((len(texts), longest, 4), torch.nan)
    mask = torch.zeros(len(texts), longest, dtype=torch.long)
    for row, text in enumerate(texts):
        place = slice(longest - len(text), longest) if left else slice(0, len(text))
        hidden[row, place], mask[row, place] = text, 1
    found = POOLINGS[pooling](hidden, mask)
    for row, text in enumerate(texts):
        assert torch.allclose(found[row].double(), by_hand(pooling, text), atol=1e-6)


@ALL
def test_half_precision_states_are_weighed_in_float32(pooling: Pooling) -> None:
    # Sums of i times h leave float16 long before, and bfloat16 cannot tell position 257 from 256.
    for dtype in (torch.float16, torch.bfloat16):
        states = torch.full((1, 2048, 1), 100.0, dtype=dtype)
        states[0, 1024:] = -50.0
        found = POOLINGS[pooling](states, torch.ones(1, 2048, dtype=torch.long))
        assert found.dtype == torch.float32
        assert torch.allclose(found[0].double(), by_hand(pooling, states[0]), rtol=1e-5)


def test_half_of_the_weight_lies_on_the_last_29_percent() -> None:
    states = torch.zeros(1, 1000, 1)
    states[0, 707:] = 1.0
    assert weighted_mean(states, torch.ones(1, 1000, dtype=torch.long)).item() == pytest.approx(
        0.5, abs=1e-3
    )


@ALL
def test_scaling_the_states_scales_the_vector(pooling: Pooling) -> None:
    states, mask = torch.randn(3, 5, 4), torch.ones(3, 5, dtype=torch.long)
    assert torch.allclose(POOLINGS[pooling](7 * states, mask), 7 * POOLINGS[pooling](states, mask))
