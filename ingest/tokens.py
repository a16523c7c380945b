"""Texts become token ids: special tokens as the tokenizer wants them, long texts cut on the right.

What the tokenizer's own file says of padding and truncation is not heeded, since it differs between
models that are otherwise alike (all-MiniLM-L6-v2 would cut at 128).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]

UNLIMITED = 1 << 30


@dataclass(frozen=True)
class Tokens:
    """Texts as a model takes them.

    Attributes:
        ids: token ids of each text, cut where it is too long; none of an empty text.
        lengths: tokens of each whole text.
        places: where each token lies in its text, int64 (tokens, 2): from character, to character;
            both the same for special tokens that the tokenizer added. Empty if not asked for.
    """

    ids: list[list[int]]
    lengths: list[int]
    places: list[Places]


def tokenize(
    tokenizer: Any,  # noqa: ANN401
    texts: Sequence[str],
    limit: int,
    *,
    marks: bool,
    places: bool = False,
) -> Tokens:
    """Tokenize texts.

    Args:
        tokenizer: of transformers.
        texts: any; an empty one gets no tokens, not even special ones.
        limit: tokens that a text may have, special ones included.
        marks: add the special tokens; false where the text holds them already.
        places: tell where tokens lie; only fast tokenizers can.
    """
    filled = [i for i, text in enumerate(texts) if text]
    ids: list[list[int]] = [[] for _ in texts]
    lengths = [0] * len(texts)
    found = [np.empty((0, 2), np.int64) for _ in texts] if places else []
    if not filled:
        return Tokens(ids, lengths, found)
    cut = []
    whole = _ids(tokenizer, [texts[i] for i in filled], None, marks, places)
    for i, (text, where) in zip(filled, whole, strict=True):
        ids[i], lengths[i] = text, len(text)
        if len(text) > limit:
            cut.append(i)
        elif places:
            found[i] = np.array(where, np.int64).reshape(-1, 2)
    if cut:
        # Cut by the tokenizer, which keeps the special tokens that must come last.
        tokenizer.truncation_side = "right"
        short = _ids(tokenizer, [texts[i] for i in cut], limit, marks, places)
        for i, (text, where) in zip(cut, short, strict=True):
            ids[i] = text
            if places:
                found[i] = np.array(where, np.int64).reshape(-1, 2)
    return Tokens(ids, lengths, found)


def _ids(
    tokenizer: Any,  # noqa: ANN401
    texts: list[str],
    limit: int | None,
    marks: bool,
    places: bool,
) -> Iterable[tuple[list[int], list[tuple[int, int]] | None]]:
    found = tokenizer(
        texts,
        add_special_tokens=marks,
        truncation=limit is not None,
        max_length=limit,
        padding=False,
        return_attention_mask=False,
        return_offsets_mapping=places,
        verbose=False,
    )
    return zip(
        found["input_ids"],
        found["offset_mapping"] if places else [None] * len(texts),
        strict=True,
    )


def within(places: Places, spans: Iterable[tuple[int, int]]) -> Flags:
    """Tell which tokens hold a character of some spans, bool (tokens,).

    A token over the edge of a span counts, so that no character is lost; one that the tokenizer
    added holds none.

    >>> places = np.array([[0, 0], [0, 4], [4, 6], [6, 9]])
    >>> within(places, [(5, 9)])
    array([False, False,  True,  True])
    """
    found = np.zeros(len(places), bool)
    for start, end in spans:
        found |= (places[:, 0] < end) & (places[:, 1] > start)
    return found & (places[:, 0] < places[:, 1])
