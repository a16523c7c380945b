"""Whether a text repeats part of another, by runs of words."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from catalog.contamination.words import words

LEAST_WORDS = 3
LEAST_BYTES = 12
RUN_WORDS = 8
ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
QUOTED = re.compile(r"'([^']+)'")
LONGEST_QUOTATION = 40
MARK = re.compile(r"[^\s\"'\\,;:(){}\[\]<>]{6,}")
PLAIN_WORD = re.compile(r"[^\W\d_]?[^\W\d_A-Z]+")
"""What is no mark: a word as any text has it. Numbers, addresses, names in capitals are marks."""


def unescaped(text: str) -> str:
    r"""Return a text without JSON's escapes, also where it is cut off or no JSON at all.

    >>> unescaped('caf\\u00e9\\nbar')
    'café bar'
    """

    def plain(match: re.Match[str]) -> str:
        if match[1]:
            return chr(int(match[1], 16))
        return " " if match[2] in "nrtbf" else str(match[2])

    return ESCAPE.sub(plain, text)


def leaves(value: Any) -> Iterator[str]:  # noqa: ANN401
    """Give the texts in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for item in value.values() for text in leaves(item))
    elif isinstance(value, list):
        yield from (text for item in value for text in leaves(item))


class Traces:
    """Looks in some values for what others say.

    Args:
        values: where to look; JSON or any text.
        cautious: three words in a row, one word that is no plain one, or a whole short text are
            enough; otherwise it takes eight words, all words of a shorter text, or a quotation.
    """

    def __init__(self, values: Sequence[str], *, cautious: bool) -> None:
        self._cautious = cautious
        self._longest = LEAST_WORDS if cautious else RUN_WORDS
        self._runs: dict[str, list[int]] = defaultdict(list)
        self._pieces: dict[str, list[int]] = defaultdict(list)
        self._quoted: set[int] = set()
        for number, value in enumerate(values):
            plain = unescaped(value)
            for text in {value, plain}:
                self._index(number, text)
            if cautious:
                for piece in {*map(str.strip, _parsed(value)), *_marks(plain), *_marks(value)}:
                    self._pieces[piece].append(number)
            else:
                self._index_quotations(number, plain)

    def _index_quotations(self, number: int, text: str) -> None:
        """Take in what stands in quotation marks, such as what a condition looks for."""
        for quotation in QUOTED.findall(text):
            said = words(quotation)
            if 1 < len(said) <= LONGEST_QUOTATION:
                self._runs[" ".join(said)].append(number)
                self._quoted.add(len(said))

    def _index(self, number: int, text: str) -> None:
        said = words(text)
        for length in range(LEAST_WORDS, self._longest + 1):
            for run in _runs(said, length):
                self._runs[run].append(number)

    def find(self, text: str) -> set[int]:
        """Return the numbers of the values that repeat part of a text."""
        found: set[int] = set()
        if self._cautious:
            for piece in {text.strip(), *_marks(text)} - {""}:
                found.update(self._pieces.get(piece, ()))
        said = words(text)
        lengths = set(self._quoted)
        if len(text.strip().encode()) >= LEAST_BYTES:
            lengths |= {min(len(said), self._longest)} - set(range(LEAST_WORDS))
        for length in lengths:
            for run in _runs(said, length):
                found.update(self._runs.get(run, ()))
        return found


def _runs(said: Sequence[str], length: int) -> set[str]:
    return {" ".join(said[i : i + length]) for i in range(len(said) - length + 1)}


def _marks(text: str) -> Iterator[str]:
    for piece in MARK.findall(text):
        bare = piece.strip(".!?*_`-")
        if len(bare) >= 6 and not PLAIN_WORD.fullmatch(bare):
            yield bare


def _parsed(value: str) -> Iterable[str]:
    try:
        return list(leaves(json.loads(value)))
    except (ValueError, RecursionError):
        return []
