"""Texts become token ids: special tokens as the tokenizer wants them, long texts cut on the right.

What the tokenizer's own file says of padding and truncation is not heeded, since it differs between
models that are otherwise alike (all-MiniLM-L6-v2 would cut at 128).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Tokens:
    """Texts as a model takes them.

    Attributes:
        ids: token ids of each text, cut where it is too long; none of an empty text.
        lengths: tokens of each whole text.
    """

    ids: list[list[int]]
    lengths: list[int]


def tokenize(tokenizer: Any, texts: Sequence[str], limit: int, *, marks: bool) -> Tokens:  # noqa: ANN401
    """Tokenize texts.

    Args:
        tokenizer: of transformers.
        texts: any; an empty one gets no tokens, not even special ones.
        limit: tokens that a text may have, special ones included.
        marks: add the special tokens; false where the text holds them already.
    """
    filled = [i for i, text in enumerate(texts) if text]
    ids: list[list[int]] = [[] for _ in texts]
    lengths = [0] * len(texts)
    if not filled:
        return Tokens(ids, lengths)
    whole = _ids(tokenizer, [texts[i] for i in filled], None, marks)
    for i, found in zip(filled, whole, strict=True):
        ids[i], lengths[i] = found, len(found)
    if long := [i for i in filled if lengths[i] > limit]:
        # Cut by the tokenizer, which keeps the special tokens that must come last.
        tokenizer.truncation_side = "right"
        cut = _ids(tokenizer, [texts[i] for i in long], limit, marks)
        for i, found in zip(long, cut, strict=True):
            ids[i] = found
    return Tokens(ids, lengths)


def _ids(tokenizer: Any, texts: list[str], limit: int | None, marks: bool) -> list[list[int]]:  # noqa: ANN401
    found: list[list[int]] = tokenizer(
        texts,
        add_special_tokens=marks,
        truncation=limit is not None,
        max_length=limit,
        padding=False,
        return_attention_mask=False,
        verbose=False,
    )["input_ids"]
    return found
