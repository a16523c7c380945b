"""Plausible faults of pooling, text and tokens, to be put in for a moment; each must be noticed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from ingest import encoder
from ingest.encoder import Encoder
from ingest.pooling import POOLINGS
from ingest.template import TEMPLATES, Rendered
from ingest.tokens import Tokens

Patch = pytest.MonkeyPatch
Pool = Callable[[Tensor, Tensor], Tensor]
Render = Callable[[Sequence[Any], str], str]

RIGHT = POOLINGS["weighted_mean"]
RENDER = TEMPLATES["tulu"]
TOKENIZE = encoder.tokenize
VECTORS = Encoder.vectors


@dataclass(frozen=True)
class Mutation:
    """A fault.

    Attributes:
        name: what is done wrong.
        apply: puts it in.
        noticed_by: the invariants that must fail.
        moves_reference: whether cosines on the reference pool must be off too.
    """

    name: str
    apply: Callable[[Patch], None]
    noticed_by: tuple[str, ...]
    moves_reference: bool = True


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


def tulu(messages: Sequence[Any], end: str) -> str:
    """Render as it is right."""
    return RENDER(messages, end).text


RENDERED: dict[str, tuple[Render, tuple[str, ...]]] = {
    "end dropped": (lambda m, e: tulu(m, ""), ("marks_stand_once_at_either_end",)),
    "newline at the end": (lambda m, e: tulu(m, e) + "\n", ("marks_stand_once_at_either_end",)),
    "newline before the end": (lambda m, e: tulu(m, "\n" + e), ("marks_stand_once_at_either_end",)),
    "begin written too": (lambda m, e: "<s>" + tulu(m, e), ("marks_stand_once_at_either_end",)),
    "end twice": (lambda m, e: tulu(m, e) + e, ("marks_stand_once_at_either_end",)),
    "end after every turn": (
        lambda m, e: "\n".join(tulu([one], "").strip() + e for one in m),
        ("marks_stand_once_at_either_end",),
    ),
    "prompt only": (lambda m, e: tulu(m[:-1], e), ("every_message_counts",)),
    "answer only": (lambda m, e: tulu(m[-1:], e), ("every_message_counts",)),
    "last exchange only": (lambda m, e: tulu(m[-2:], e), ("every_message_counts",)),
    "system turn left out": (
        lambda m, e: tulu([one for one in m if one["role"] != "system"], e),
        ("every_message_counts",),
    ),
    "an answer to be written": (
        lambda m, e: tulu(m, e) + "\n<|assistant|>",
        ("marks_stand_once_at_either_end",),
    ),
    "contents not stripped": (
        lambda m, e: "\n".join(
            f"<|{one['role']}|>\n{one['content']}{e if one['role'] == 'assistant' else ''}"
            for one in m
        ),
        ("marks_stand_once_at_either_end",),
    ),
}


def tokens_changed(change: Callable[[list[int], Any, int], list[int]]) -> Callable[[Patch], None]:
    """Put in a fault of tokens: it is given the ids of a text, the tokenizer and the limit."""

    def tokenize(tokenizer: Any, texts: Sequence[str], limit: int, **how: Any) -> Tokens:
        found = TOKENIZE(tokenizer, texts, 1 << 20, **how)
        return replace(found, ids=[change(ids, tokenizer, limit) for ids in found.ids])

    return lambda patch: patch.setattr(encoder, "tokenize", tokenize)


def begun_once_more(ids: list[int], tokenizer: Any, limit: int) -> list[int]:
    """Put the begin before a text that has one already."""
    return [*ids[:1], *ids][:limit] if tokenizer.bos_token_id is not None else ids[:limit]


def ended_after_the_cut(ids: list[int], tokenizer: Any, limit: int) -> list[int]:
    """Make a cut text end as a whole one does."""
    return ids if len(ids) <= limit else [*ids[: limit - 1], tokenizer.eos_token_id]


def unmarked(ids: list[int], tokenizer: Any, limit: int) -> list[int]:
    """Leave the begin out."""
    return [token for token in ids if token != tokenizer.bos_token_id][:limit]


TOKENS: dict[str, tuple[Callable[[Patch], None], tuple[str, ...]]] = {
    "cut on the left": (
        tokens_changed(lambda ids, _, limit: ids[-limit:]),
        ("a_long_text_is_its_prefix",),
    ),
    "cut one token early": (
        tokens_changed(lambda ids, _, limit: ids[: limit - 1]),
        ("a_long_text_is_its_prefix",),
    ),
    "not cut": (tokens_changed(lambda ids, _, limit: ids), ("a_long_text_is_its_prefix",)),
    "end put after the cut": (tokens_changed(ended_after_the_cut), ("a_long_text_is_its_prefix",)),
    "begin twice": (tokens_changed(begun_once_more), ("marks_stand_once_at_either_end",)),
    "begin left out": (tokens_changed(unmarked), ("marks_stand_once_at_either_end",)),
}


def norm_missing(patch: Patch) -> None:
    """Give vectors as long as they came out of pooling."""

    def vectors(self: Encoder, states: Any) -> Any:
        found, norms = VECTORS(self, states)
        return found * norms[:, None], norms

    patch.setattr(Encoder, "vectors", vectors)


def norm_forgotten(patch: Patch) -> None:
    """Say that every vector was 1 long before."""

    def vectors(self: Encoder, states: Any) -> Any:
        found, norms = VECTORS(self, states)
        return found, norms / norms

    patch.setattr(Encoder, "vectors", vectors)


def layer_before(patch: Patch) -> None:
    """Take the states that go into the last layer, not those that come out of the final norm."""
    from transformers import LlamaModel
    from transformers.modeling_outputs import BaseModelOutput

    inner = LlamaModel.forward

    def forward(self: Any, *args: Any, **how: Any) -> Any:
        if how.get("attention_mask") is None:  # what the catalog is compared with
            return inner(self, *args, **how)
        found = inner(self, *args, **{**how, "output_hidden_states": True})
        return BaseModelOutput(found.hidden_states[-2])

    patch.setattr(LlamaModel, "forward", forward)


def padding_attended(patch: Patch) -> None:
    """Let a model that looks both ways look at padding."""
    from transformers import BertModel

    inner = BertModel.forward

    def forward(self: Any, *args: Any, **how: Any) -> Any:
        return inner(self, *args, **{**how, "attention_mask": None})

    patch.setattr(BertModel, "forward", forward)


def pooled(pool: Pool) -> Callable[[Patch], None]:
    """Put in a fault of pooling."""
    return lambda patch: patch.setitem(POOLINGS, "weighted_mean", pool)


def rendered(render: Render) -> Callable[[Patch], None]:
    """Put in a fault of the text."""
    return lambda patch: patch.setitem(
        TEMPLATES, "tulu", lambda messages, end: Rendered(render(messages, end), ())
    )


MUTATIONS = [
    *(Mutation(name, pooled(p), by, moves) for name, (p, by, moves) in POOLED.items()),
    *(
        # The reference has no white space that stripping would take.
        Mutation(name, rendered(r), ("the_text_is_that_of_the_paper", *by), "stripped" not in name)
        for name, (r, by) in RENDERED.items()
    ),
    *(Mutation(name, apply, by) for name, (apply, by) in TOKENS.items()),
    Mutation("vectors not made 1 long", norm_missing, ("the_scale_of_states_changes_nothing",)),
    Mutation("length forgotten", norm_forgotten, ("vectors_are_the_official_ones",), False),
    Mutation("layer before the last", layer_before, ("vectors_are_the_official_ones",)),
    Mutation("padding attended to", padding_attended, ("vectors_are_the_official_ones",), False),
]
