"""Plausible faults of pooling; `mutations` puts them in."""

from collections.abc import Callable

import torch
from torch import Tensor

from ingest.pooling import POOLINGS

Pool = Callable[[Tensor, Tensor], Tensor]

RIGHT = POOLINGS["weighted_mean"]


def positions(mask: Tensor) -> Tensor:
    """Return 1, 2, 3, … over the real tokens, 0 on padding; float32."""
    return (mask.cumsum(dim=1) * mask).float()


def weighted(states: Tensor, weights: Tensor) -> Tensor:
    """Return the sum of states by weights, padding of weight 0 cleared."""
    clean = torch.where(weights.unsqueeze(2) != 0, states.float(), 0.0)
    return torch.einsum("bt,btw->bw", weights.float(), clean)


def share(weights: Tensor) -> Tensor:
    """Return weights that sum to 1."""
    return weights / weights.sum(dim=1, keepdim=True)


def counted(states: Tensor) -> Tensor:
    """Return 1, 2, 3, … over all tokens."""
    return torch.arange(1, states.shape[1] + 1).expand(states.shape[:2]).float()


def without_last(states: Tensor, mask: Tensor) -> Tensor:
    """Leave the last token out."""
    place = positions(mask)
    return weighted(states, share(torch.where(place == place.amax(1, keepdim=True), 0.0, place)))


def flipped(states: Tensor, mask: Tensor) -> Tensor:
    """Weigh earlier tokens more."""
    place = positions(mask)
    return weighted(states, share((place.amax(1, keepdim=True) + 1 - place) * mask))


def in_float16(states: Tensor, mask: Tensor) -> Tensor:
    """Sum i times h in float16, then divide."""
    place = positions(mask)
    total = (place.half().unsqueeze(2) * states.half() * mask.unsqueeze(2)).sum(dim=1)
    return total.float() / place.sum(dim=1, keepdim=True)


def in_bfloat16(states: Tensor, mask: Tensor) -> Tensor:
    """Keep the weights in bfloat16."""
    return weighted(states, share(positions(mask)).bfloat16())


def unit_states(states: Tensor, mask: Tensor) -> Tensor:
    """Make every state 1 long before they are summed."""
    return RIGHT(torch.nn.functional.normalize(states.float(), dim=2), mask)


POOLED: dict[str, tuple[Pool, tuple[str, ...], bool]] = {
    # What is done wrong: how, the invariants that must fail, whether the reference must notice.
    "positions by arange, padding masked": (
        lambda h, m: weighted(h, share(counted(h) * m)),
        ("padding_has_no_effect",),
        False,  # right for padding on the right, which is all that the encoder has
    ),
    "positions by arange, padding counted": (
        lambda h, m: weighted(h, share(counted(h))),
        ("padding_has_no_effect", "vectors_are_the_official_ones"),
        True,
    ),
    "weights not normalised": (
        lambda h, m: weighted(h, positions(m)),
        ("weights_are_those_of_the_paper", "vectors_are_the_official_ones"),
        False,  # only the length differs, which whitening needs
    ),
    "divided by the padded length": (
        lambda h, m: weighted(h, positions(m) / sum(range(1, h.shape[1] + 1))),
        ("padding_has_no_effect", "vectors_are_the_official_ones"),
        False,
    ),
    "weights from 0": (
        lambda h, m: weighted(h, share((positions(m) - 1) * m)),
        ("weights_are_those_of_the_paper", "vectors_are_the_official_ones"),
        True,
    ),
    "last token left out": (
        without_last,
        ("weights_are_those_of_the_paper", "vectors_are_the_official_ones"),
        True,
    ),
    "padding counted as text": (
        lambda h, m: RIGHT(h, torch.ones_like(m)),
        ("padding_has_no_effect", "vectors_are_the_official_ones"),
        True,
    ),
    "padding weighed 0 but not cleared": (
        lambda h, m: torch.einsum("bt,btw->bw", share(positions(m)), h.float()),
        ("padding_has_no_effect",),
        False,
    ),
    "plain mean": (
        POOLINGS["mean"],
        ("weights_are_those_of_the_paper", "vectors_are_the_official_ones"),
        True,
    ),
    "last token alone": (
        POOLINGS["last_token"],
        ("weights_are_those_of_the_paper", "vectors_are_the_official_ones"),
        True,
    ),
    "weights from right to left": (
        flipped,
        ("weights_are_those_of_the_paper", "vectors_are_the_official_ones"),
        True,
    ),
    "weights squared": (
        lambda h, m: weighted(h, share(positions(m) ** 2)),
        ("weights_are_those_of_the_paper", "vectors_are_the_official_ones"),
        True,
    ),
    "summed in float16": (in_float16, ("half_precision_is_weighed_in_float32",), False),
    "weights in bfloat16": (in_bfloat16, ("half_precision_is_weighed_in_float32",), False),
    "given back in float16": (
        lambda h, m: RIGHT(h, m).half(),
        ("half_precision_is_weighed_in_float32",),
        False,
    ),
    "states made 1 long before summing": (
        unit_states,
        ("weights_are_those_of_the_paper", "the_scale_of_states_changes_nothing"),
        False,  # the reference's final norm has made them equally long
    ),
}
