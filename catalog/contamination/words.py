"""Texts as words: Unicode's, without case, punctuation or width."""

import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache

SEPARATOR = "\0"
"""Stands between texts that are read at once: no stored text holds it, no run of words spans it."""

CHARACTERS_PER_WORD = 2
"""Of scripts without spaces every character is a word, and this many say about as much as one."""

_UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u0f00-\u0fff"  # Tibetan
    "\u1000-\u109f"  # Burmese
    "\u1780-\u17ff"  # Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"  # Japanese
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Chinese
)
_ASCII = re.compile(f"[a-z0-9]+|{SEPARATOR}")
_IGNORABLE = re.compile("[\u00ad\u200b-\u200d\u2060\ufeff]")
_MARKUP = r"[^\S\n]|[\"'\u2018-\u201d\u00ab\u00bb*_$\\#>()\[\]{}|-]"
_ENDS = r"\n\0.?!:;\u3002\u061f\u0964"  # the last three: Chinese, Arabic, Hindi
_BEFORE = re.compile(rf"(?:\A|[{_ENDS},])(?:{_MARKUP})*\Z")
_AFTER = re.compile(rf"(?:{_MARKUP})*(?:\Z|[{_ENDS}])")
_NEAR = 64
"""How far before a sentence its border is looked for: beyond markup of any sensible length."""

_IS_UNSPACED = re.compile(f"[{_UNSPACED}]")


@cache
def _pattern() -> re.Pattern[str]:
    r"""Return the pattern of a word: letters and digits with their marks, or an unspaced character.

    Python's `\w` leaves out combining marks, so that it cuts words of Indian scripts at each vowel.
    """
    marks = _ranges(
        code
        for code in range(0x300, sys.maxunicode + 1)
        if unicodedata.category(chr(code)).startswith("M")
    )
    letter = rf"[^\W_{_UNSPACED}]"
    return re.compile(f"{letter}(?:{letter}|[{marks}])*|[^\\W_][{marks}]*|{SEPARATOR}")


def _ranges(codes: Iterable[int]) -> str:
    """Write ascending code points as the inside of a character class."""
    found: list[list[int]] = []
    for code in codes:
        if found and code == found[-1][1] + 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in found)


def fold(text: str) -> str:
    """Return a text without differences of width and case, or invisible characters (NFKC).

    >>> fold("\u00adThe ﬁrst")
    'the first'
    """
    if text.isascii():
        return text.lower()
    return _IGNORABLE.sub("", unicodedata.normalize("NFKC", text).casefold())


def words(text: str) -> list[str]:
    """Return the words of a text in order, folded.

    A separator in the text stays as a word of its own. In scripts without spaces every character,
    with its marks, is a word.

    >>> words("Don't panic: the ﬁrst ½ of 3,000 is 日本")
    ['don', 't', 'panic', 'the', 'first', '1', '2', 'of', '3', '000', 'is', '日', '本']
    """
    folded = fold(text)
    return (_ASCII if folded.isascii() else _pattern()).findall(folded)


def stands_alone(found: Sequence[str], text: str) -> bool:
    """Tell whether some words are a sentence of their own somewhere in a text.

    >>> stands_alone(["who", "wrote", "it"], "Tell me: who wrote it?")
    True
    >>> stands_alone(["who", "wrote", "it"], "The man who wrote it is unknown.")
    False
    """
    folded = fold(text)
    run = re.compile(r"[\W_]*".join(map(re.escape, found)))
    return any(
        _BEFORE.search(folded[max(0, match.start() - _NEAR) : match.start()])
        and _AFTER.match(folded, match.end())
        for match in run.finditer(folded)
    )


def is_unspaced(text: str) -> bool:
    """Tell whether most letters of a text belong to a script without spaces.

    >>> is_unspaced("日本語の題名 text"), is_unspaced("a text on 日本")
    (True, False)
    """
    letters = sum(map(str.isalpha, text))
    return 2 * len(_IS_UNSPACED.findall(text)) > letters
