"""Leaks made on purpose: items hidden and reworded, from verbatim to hard to recognise.

No model is asked, so that the same seed gives the same texts on every machine. They are looked for
as samples are, and never stored.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from catalog.contamination.items import Item, Part, sentences, stem
from catalog.contamination.words import is_unspaced

_SYNONYMS = """
answer:reply ask:inquire asked:inquired begin:start begins:starts begun:started big:large
bought:purchased buy:purchase buys:purchases calculate:compute car:vehicle cause:reason
causes:produces choose:pick correct:right create:make created:made describe:explain difficult:hard
each:every enough:sufficient error:mistake example:instance fast:quick find:determine
first:initial following:subsequent function:routine get:obtain gets:obtains give:provide
gives:provides given:provided goal:aim happy:glad has:possesses help:assist however:but
idea:notion if:when important:significant increase:rise job:task kids:children large:big
largest:biggest last:final list:enumeration main:principal make:produce makes:produces
many:numerous method:way money:cash more:additional most:nearly-all movie:film needs:requires
number:quantity occurs:happens often:frequently only:solely people:persons person:human
place:location problem:question provide:supply rate:pace reduce:lower result:outcome return:give
rich:wealthy said:stated same:identical saw:noticed says:states sell:vend sells:vends
several:various shop:store show:display small:little sold:vended start:begin statement:claim
stop:halt string:text student:pupil takes:needs teacher:instructor tell:inform total:sum town:city
travel:journey true:correct type:kind under:below use:employ used:employed uses:employs
usually:typically walk:stroll want:wish wants:wishes week:seven-days when:whenever which:what
woman:lady work:labour works:labours write:compose wrote:composed year:twelve-months
"""
SYNONYMS = dict(pair.split(":") for pair in _SYNONYMS.split())
_NUMBERS = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen twenty
"""
NUMBERS = dict(enumerate(_NUMBERS.split()))
_TOKEN = re.compile(r"(\s+)")
_PUNCTUATION = str.maketrans({mark: " " for mark in ",;:!?\"'()[]\u201c\u201d\u2019"} | {".": " ."})
_OPENING = "Someone sent me this and I would like to talk about it with you later today."
_CLOSING = "Keep it for the record, please, and tell me when we can go on."


def _verbatim(text: str, _: Random) -> str:
    return f"{_OPENING}\n\n{text}\n\n{_CLOSING}"


def _reformatted(text: str, _: Random) -> str:
    """Change all that is not a word: case, punctuation, lines, the marks of options."""
    lines = [re.sub(r"^\s*\(?([A-Z])[.)]\s", r"* ", line) for line in text.split("\n")]
    loud = " / ".join(line.strip() for line in lines if line.strip())
    return loud.translate(_PUNCTUATION).upper()


def _reordered(text: str, random: Random) -> str:
    """Put the options in another order, or the sentences where there are none."""
    asked = stem(text)
    rest = text[len(asked) :]
    pieces = [line for line in rest.split("\n") if line.strip()] if rest else sentences(asked)
    shuffled = pieces[:]
    random.shuffle(shuffled)
    if shuffled == pieces:
        shuffled.reverse()
    return "\n".join(([asked] if rest else []) + [piece.strip() for piece in shuffled])


def _edited(share: float) -> Callable[[str, Random], str]:
    """Return what changes a share of the words, spread evenly: one in each stretch."""

    def edit(text: str, random: Random) -> str:
        tokens = list(text) if is_unspaced(text) else _TOKEN.split(text)
        places = [number for number, token in enumerate(tokens) if token and not token.isspace()]
        step = max(1, round(1 / share))
        for start in range(0, len(places), step):
            stretch = places[start : start + step]
            if len(stretch) == step:
                _change(tokens, stretch, random)
        return "".join(tokens)

    return edit


def _change(tokens: list[str], stretch: Sequence[int], random: Random) -> None:
    """Change one word of a stretch: a synonym, a number in words, else drop it or swap two."""
    for place in stretch:
        bare = tokens[place].strip(".,;:!?").lower()
        number = NUMBERS.get(int(bare)) if bare.isdecimal() and len(bare) < 3 else None
        if other := SYNONYMS.get(bare) or number:
            tokens[place] = other.replace("-", " ")
            return
    place = random.choice(stretch)
    if random.random() < 0.5 or len(stretch) < 2:
        tokens[place] = ""
    else:
        other_place = random.choice([other for other in stretch if other != place])
        tokens[place], tokens[other_place] = tokens[other_place], tokens[place]


def _heavily(text: str, random: Random) -> str:
    return _edited(1 / 3)(_reordered(text, random), random)


@dataclass(frozen=True)
class Strength:
    """A way to plant a leak.

    Attributes:
        name: what it is called in reports.
        about: what it does to an item.
        reword: does it.
    """

    name: str
    about: str
    reword: Callable[[str, Random], str]


STRENGTHS = (
    Strength("verbatim", "the whole item inside other text", _verbatim),
    Strength("reformatted", "other case, punctuation, line breaks and option marks", _reformatted),
    Strength("reordered", "options, or else sentences, in another order", _reordered),
    Strength("edited lightly", "one word in 15 replaced, dropped or moved", _edited(1 / 15)),
    Strength("edited", "one word in 7 replaced, dropped or moved", _edited(1 / 7)),
    Strength("reworded", "one word in 3 changed, and the order too", _heavily),
)
"""From the faintest to the strongest."""


def plant(item: Item, strength: Strength, seed: int) -> Item:
    """Return an item reworded; its parts are reworded apart.

    Args:
        item: what leaks.
        strength: how much it is changed.
        seed: of what is left to chance.
    """
    texts: dict[Part, str] = {}
    for part, text in item.texts.items():
        random = Random(f"{seed} {item.query_id} {part} {strength.name}")
        texts[part] = strength.reword(text, random) if text.strip() else text
    return Item(item.query_id, texts)
