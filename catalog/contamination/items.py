"""A task's queries and held-out items as words: what of them is evidence, what says too little."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, repeat
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from catalog.contamination.boilerplate import RUN_WORDS, Mask, Spans, boilerplate
from catalog.contamination.grams import Positions, inside
from catalog.contamination.words import CHARACTERS_PER_WORD, is_unspaced, words

Part = Literal["question", "answer"]
PARTS: tuple[Part, ...] = ("question", "answer")
Kind = Literal["ngram", "whole"]
"""Runs of words that both have, or a short question that is all there."""


SHORT_WORDS = 5
"""A shorter question is asked by anybody: it is no evidence even whole."""

RARE_SHARE = 0.01
RARE_TEXTS = 3
"""A word in at most so many of a task's questions is rare. A short question without one is generic:
"Which of the following is true?" is another question with every other set of options."""

OWN_SHARE = 0.5
"""At least so much of a run must be the item's own words: the rest may be boilerplate."""

_OPTION = re.compile(r"\s*(?:\(?[A-Za-z0-9]{1,2}[.):]|[-*•])\s*\S")
_SENTENCE = re.compile(r"\n+|(?<=[.?!])\s+|(?<=[\u3002\uff01\uff1f])|(?:(?<=\n)|\A)\s*\w{1,12}:\s")
_LABEL = re.compile(r"\s*(?:options|choices)\s*:?\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Item:
    """One query or held-out item, or a text planted in its place.

    Attributes:
        query_id: its key.
        texts: what it asks and what it answers, by part.
    """

    query_id: int
    texts: Mapping[Part, str]


def item_of(query_id: int, messages: Sequence[Mapping[str, Any]]) -> Item:
    """Build an item from a query: assistant turns are the answer, all others the question."""
    told: dict[Part, list[str]] = {"question": [], "answer": []}
    for message in messages:
        part: Part = "answer" if message["role"] == "assistant" else "question"
        told[part].append(message["content"] or "")
    return Item(query_id, {part: "\n".join(texts) for part, texts in told.items()})


def stem(question: str) -> str:
    r"""Return a question without the options it offers at its end.

    >>> stem("Pick one.\nA. this\nB. that\nAnswer:")
    'Pick one.'
    """
    lines = question.split("\n")
    options = {number for number, line in enumerate(lines) if _OPTION.match(line)}
    for number in sorted(options - {0}):
        if number + 1 in options:
            end = number - 1 if _LABEL.fullmatch(lines[number - 1]) else number
            return "\n".join(lines[:end])
    return question


def sentences(text: str) -> list[str]:
    r"""Cut a text at line ends, full stops and labels; nothing is lost.

    >>> sentences("Q: Is it 3.5? Say so.\nNow.")
    ['Q: ', 'Is it 3.5? ', 'Say so.\n', 'Now.']
    """
    cuts = [0, *(match.end() for match in _SENTENCE.finditer(text)), len(text)]
    return [text[first:last] for first, last in pairwise(cuts) if last > first]


class Vocabulary:
    """Words by number, from 1; 0 stands for every other word."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def add(self, found: Iterable[str]) -> list[int]:
        """Number words, new ones too."""
        numbers = self._numbers
        return [numbers.setdefault(word, len(numbers) + 1) for word in found]

    def read(self, found: Sequence[str]) -> npt.NDArray[np.int32]:
        """Return the numbers of known words, 0 for others, int32 (n,)."""
        return np.fromiter(map(self._numbers.get, found, repeat(0)), np.int32, len(found))

    def words(self) -> list[str]:
        """Return every word by its number; number 0 is empty."""
        return ["", *self._numbers]


@dataclass(frozen=True)
class Checked:
    """The texts of one part of some items, and what of them can be looked for.

    Attributes:
        part: which part.
        items: whose texts they are, in order.
        spans: the texts as words.
        shared: which words are the task's boilerplate.
        runs: what to find, by kind and length in words: where in the words it begins.
        too_short: how many texts have words, and nothing to look for.
        generic: how many of these are short questions without a word of their own.
    """

    part: Part
    items: Sequence[Item]
    spans: Spans
    shared: Mask
    runs: Mapping[Kind, Mapping[int, Positions]]
    too_short: int
    generic: int

    def held(self) -> set[int]:
        """Return the places of the items that have something to look for."""
        return _held(self.spans, self.runs)


def _held(spans: Spans, runs: Mapping[Kind, Mapping[int, Positions]]) -> set[int]:
    starts = [begins for lengths in runs.values() for begins in lengths.values()]
    whole = np.concatenate([np.zeros(0, np.int64), *starts])
    return set(np.unique(np.searchsorted(spans.starts, whole, "right") - 1).tolist())


def read_part(
    groups: Sequence[Sequence[Item]], part: Part, ngram: int, vocabulary: Vocabulary
) -> list[Checked]:
    """Make a part of a task's items ready to be looked for.

    Args:
        groups: the items in each of the task's roles; boilerplate is what all of them share.
        part: which part of them.
        ngram: how many words in a row are evidence.
        vocabulary: takes their words in.

    Returns:
        One for each group.
    """
    texts = [item.texts[part] for items in groups for item in items]
    whole = _lay_out(texts, vocabulary)
    shared = boilerplate(whole, min(RUN_WORDS, ngram))
    rare = _rare_words(whole)
    found, first = [], 0
    for items in groups:
        last = first + len(items)
        begin = int(whole.starts[first]) if items else 0
        end = begin + int(whole.lengths[first:last].sum()) + len(items)
        spans = Spans(
            whole.ids[begin:end], whole.starts[first:last] - begin, whole.lengths[first:last]
        )
        piece = _Piece(part, items, texts[first:last], spans, shared[begin:end], rare)
        found.append(piece.checked(ngram))
        first = last
    return found


def _lay_out(texts: Sequence[str], vocabulary: Vocabulary) -> Spans:
    flat: list[int] = []
    lengths = np.zeros(len(texts), np.int64)
    for number, text in enumerate(texts):
        before = len(flat)
        flat += vocabulary.add(words(text))
        lengths[number] = len(flat) - before
        flat.append(0)
    starts = np.cumsum(lengths + 1) - (lengths + 1)
    return Spans(np.array(flat, np.int32), starts, lengths)


def _rare_words(spans: Spans) -> Mask:
    """Tell which words stand in few of the texts, bool by word number."""
    pairs = np.unique(spans.ids.astype(np.int64) * (len(spans.starts) + 1) + spans.owners())
    texts = np.bincount(pairs // (len(spans.starts) + 1))
    rare = texts <= max(RARE_TEXTS, RARE_SHARE * len(spans.starts))
    rare[0] = False
    return np.asarray(rare)


@dataclass(frozen=True)
class _Piece:
    """One part of one group of items, on the way to being `Checked`."""

    part: Part
    items: Sequence[Item]
    texts: Sequence[str]
    spans: Spans
    shared: Mask
    rare: Mask

    def checked(self, ngram: int) -> Checked:
        """Find what can be looked for."""
        scale = np.array(
            [CHARACTERS_PER_WORD if is_unspaced(text) else 1 for text in self.texts], np.int64
        )
        runs: dict[Kind, dict[int, Positions]] = {"ngram": self.grams(scale, ngram), "whole": {}}
        generic = 0
        if self.part == "question":
            runs["whole"], generic = self.wholes(scale, ngram)
        too_short = int((self.spans.lengths > 0).sum()) - len(_held(self.spans, runs))
        return Checked(
            self.part, self.items, self.spans, self.shared, runs, too_short, min(generic, too_short)
        )

    def grams(self, scale: Positions, ngram: int) -> dict[int, Positions]:
        """Find the runs that are evidence: enough of their words are the item's own."""
        own = np.concatenate([[0], np.cumsum(~self.shared, dtype=np.int64)])
        scales = scale[self.spans.owners()] if len(scale) else scale
        found = {}
        for factor in np.unique(scale).tolist():
            length = ngram * factor
            if len(self.spans.ids) < length:
                continue
            enough = own[length:] - own[:-length] > OWN_SHARE * length
            right = scales[: len(enough)] == factor
            starts = np.flatnonzero(inside(self.spans.ids, length) & enough & right)
            if len(starts):
                found[length] = starts
        return found

    def wholes(self, scale: Positions, ngram: int) -> tuple[dict[int, Positions], int]:
        """Find short questions that say enough to be looked for whole, and count those that do not.

        A question is what is left of it without options and the sentences that are boilerplate.
        """
        found: dict[int, list[int]] = {}
        generic = 0
        for number, text in enumerate(self.texts):
            factor = int(scale[number])
            first, last = self.question(number, text)
            if not SHORT_WORDS * factor <= last - first < ngram * factor:
                continue
            said = self.spans.ids[first:last]
            if self.rare[said].any():
                found.setdefault(last - first, []).append(first)
            else:
                generic += 1
        return {
            length: np.array(starts, np.int64) for length, starts in sorted(found.items())
        }, generic

    def question(self, number: int, text: str) -> tuple[int, int]:
        """Return where among the words a question begins and ends."""
        start = int(self.spans.starts[number])
        borders = np.cumsum([0, *(len(words(sentence)) for sentence in sentences(stem(text)))])
        own = np.flatnonzero(~self.shared[start : start + int(borders[-1])])
        if not len(own):
            return start, start
        first = int(borders[np.searchsorted(borders, own[0], "right") - 1])
        last = int(borders[np.searchsorted(borders, own[-1], "right")])
        return start + first, start + last
