"""What must hold of every vector, as checks with names: they hold, and each mutation breaks some.

A check takes the models by family and raises where it fails. All go through the tables `POOLINGS`
and `TEMPLATES` and through `Encoder`, where `mutations` puts its faults.
"""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ingest.encoder import Encoder
from ingest.options import EncoderOptions
from ingest.pooling import POOLINGS
from tests.conftest import talk
from tests.tiny import TEXTS
from tests.traps.official import Official, render

Models = Callable[[str], Path]
Messages = list[dict[str, str]]

TURNS: Messages = [
    {"role": "system", "content": " Be brief.\n"},
    {"role": "user", "content": "\n1+1?  "},
    {"role": "assistant", "content": " 2 "},
    {"role": "user", "content": "And 2+2?"},
    {"role": "assistant", "content": "It is 4.\n"},
]
TALKS: list[Messages] = [TURNS, *(talk(text, text[5:25])["messages"] for text in TEXTS)]
LONG: Messages = talk("What comes now? " * 1000, "The end.")["messages"]
NEAR = 1e-5
"""How far a cosine may be from the official one."""


@cache
def official(folder: Path, max_tokens: int = 2048) -> Official:
    """Return the plain way to use a model, loaded once."""
    return Official(folder, max_tokens)


def encoder(folder: Path, **options: Any) -> Encoder:
    """Load a model as the embed job does."""
    return Encoder(str(folder), EncoderOptions(**{"device": "cpu", "dtype": "float32", **options}))


def tokens(of: Encoder, talks: Sequence[Messages]) -> list[list[int]]:
    """Return what the model is given for some conversations."""
    return of.tokenize([of.render(messages) for messages in talks]).ids


def pool(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Pool as RDS+ does."""
    return POOLINGS["weighted_mean"](states, mask)


def by_hand(states: torch.Tensor) -> torch.Tensor:
    """Pool the states of one text, (tokens, width), in float64, from the definition."""
    count = len(states)
    weights = torch.tensor([2 * i / (count * (count + 1)) for i in range(1, count + 1)])
    return weights.double() @ states.double()


def close(found: torch.Tensor, expected: torch.Tensor) -> bool:
    """Whether two tensors agree to single precision."""
    return torch.allclose(found.double(), expected.double(), rtol=1e-5, atol=1e-6)


def weights_are_those_of_the_paper(models: Models) -> None:
    """The i-th of L tokens weighs 2i / (L (L + 1)); one token alone weighs 1."""
    for length in (1, 2, 3, 50):
        states = torch.randn(1, length, 4, generator=torch.Generator().manual_seed(length))
        found = pool(states, torch.ones(1, length, dtype=torch.long))
        assert close(found[0], by_hand(states[0]))


def padding_has_no_effect(models: Models) -> None:
    """Padding on the left, the right or both, and whatever it holds, leaves a vector as it is."""
    states = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    for left, right in ((0, 3), (3, 0), (2, 2)):
        padded = torch.full((1, left + 5 + right, 4), 9.0)
        mask = torch.zeros(1, left + 5 + right, dtype=torch.long)
        padded[0, left : left + 5], mask[0, left : left + 5] = states, 1
        assert close(pool(padded, mask)[0], by_hand(states))
        padded[mask == 0] = torch.nan
        assert close(pool(padded, mask)[0], by_hand(states))


def half_precision_is_weighed_in_float32(models: Models) -> None:
    """Sums of i times h leave float16, and bfloat16 cannot tell position 257 from 256."""
    for dtype in (torch.float16, torch.bfloat16):
        states = torch.full((1, 2048, 1), 100.0, dtype=dtype)
        states[0, 1024:] = -50.0
        found = pool(states, torch.ones(1, 2048, dtype=torch.long))
        assert found.dtype == torch.float32
        assert close(found[0], by_hand(states[0]))


def the_text_is_that_of_the_paper(models: Models) -> None:
    """Roles, stripped contents, an end after every answer, and nothing after the last."""
    for messages in (*TALKS, TURNS[:2], TURNS[1:3]):
        assert encoder(models("llama")).render(messages) == render(messages, "</s>")


def marks_stand_once_at_either_end(models: Models) -> None:
    """Llama has one begin, first, Qwen none; the end is last, and once for every answer."""
    for family, begins in (("llama", 1), ("qwen2", 0)):
        found = encoder(models(family))
        names = found._tokenizer
        for messages, ids in zip(TALKS, tokens(found, TALKS), strict=True):
            answers = sum(message["role"] == "assistant" for message in messages)
            assert ids[-1] == names.eos_token_id
            assert ids.count(names.eos_token_id) == answers
            if begins:
                assert ids[0] == names.bos_token_id
                assert ids.count(names.bos_token_id) == 1
            assert ids == names.encode(render(messages, names.eos_token))


def a_long_text_is_its_prefix(models: Models) -> None:
    """More than 5,000 tokens are the first 2,048: no end is put after the cut."""
    found, plain = encoder(models("llama")), official(models("llama"))
    whole = plain.tokenizer(found.render(LONG))["input_ids"]
    assert len(whole) > 5000
    [ids] = tokens(found, [LONG])
    assert ids == whole[:2048]
    [vector], _ = found.encode([ids])
    pooled = plain.pooled(whole[:2048])
    assert vector @ pooled / np.linalg.norm(pooled) == pytest.approx(1, abs=NEAR)


def vectors_are_the_official_ones(models: Models) -> None:
    """Each conversation alone, then all in one batch: the vectors and lengths of a plain loop."""
    for family in ("llama", "bert"):
        found, plain = encoder(models(family)), official(models(family))
        ids = [found._tokenizer.encode(render(m, found._tokenizer.eos_token or "")) for m in TALKS]
        expected = np.array([plain.pooled(text) for text in ids])
        lengths = np.linalg.norm(expected, axis=1)
        apart = [found.encode([text]) for text in ids]
        together = found.encode(ids)
        for vectors, norms in (together, tuple(map(np.concatenate, zip(*apart, strict=True)))):
            cosines = (vectors * expected).sum(axis=1) / lengths
            assert cosines == pytest.approx(1, abs=NEAR)
            assert norms == pytest.approx(lengths, rel=1e-5)


def every_message_counts(models: Models) -> None:
    """A change of any turn, first to last, changes the vector."""
    found = encoder(models("llama"))
    changed = [[*TURNS] for _ in TURNS]
    for place, messages in enumerate(changed):
        messages[place] = {**TURNS[place], "content": "Something else."}
    vectors, _ = found.encode(tokens(found, [TURNS, *changed]))
    assert ((vectors[1:] @ vectors[0]) < 1 - 1e-4).all()


def the_scale_of_states_changes_nothing(models: Models) -> None:
    """All hidden states times 7: the same vectors, of lengths 7 times as long before."""
    plain = encoder(models("llama"))
    ids = tokens(plain, TALKS)
    (vectors, norms) = plain.encode(ids)
    inner = POOLINGS["weighted_mean"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(POOLINGS, "weighted_mean", lambda states, mask: inner(7 * states, mask))
        same, longer = encoder(models("llama")).encode(ids)
    assert np.abs(vectors - same).max() < 1e-6
    assert longer == pytest.approx(7 * norms, rel=1e-5)


INVARIANTS: dict[str, Callable[[Models], None]] = {
    check.__name__: check
    for check in (
        weights_are_those_of_the_paper,
        padding_has_no_effect,
        half_precision_is_weighed_in_float32,
        the_text_is_that_of_the_paper,
        marks_stand_once_at_either_end,
        a_long_text_is_its_prefix,
        vectors_are_the_official_ones,
        every_message_counts,
        the_scale_of_states_changes_nothing,
    )
}
