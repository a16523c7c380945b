"""Plausible faults of pooling, text and tokens, to be put in for a moment; each must be noticed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ingest import encoder
from ingest.encoder import Encoder
from ingest.pooling import POOLINGS
from ingest.template import TEMPLATES, Rendered
from ingest.tokens import Tokens
from tests.traps.faulty_pooling import POOLED, Pool

Patch = pytest.MonkeyPatch
Render = Callable[[Sequence[Any], str], str]

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
        found, norms = VECTORS(self, states)()
        return lambda: (found * norms[:, None], norms)

    patch.setattr(Encoder, "vectors", vectors)


def norm_forgotten(patch: Patch) -> None:
    """Say that every vector was 1 long before."""

    def vectors(self: Encoder, states: Any) -> Any:
        found, norms = VECTORS(self, states)()
        return lambda: (found, norms / norms)

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
