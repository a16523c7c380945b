"""Read the Python language reference that `help()` carries: one passage per piece of prose."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pydoc_data.topics import topics
from textwrap import dedent

from ingest.demo.conversation import SENTENCE_END, whole_sentences

PASSAGE_CHARACTERS_AT_LEAST = 60
OPENING_WORDS = 5

UNDERLINE = re.compile(r"^([*=~\-^])\1+$")
QUOTED_CODE = re.compile(r'["`]([^"`\s]{2,30})["`]')
EDITORIAL = re.compile(r"version \d|^(Note|See also|Changed|Deprecated|Added|New)\b|::=|>>>")


@dataclass(frozen=True)
class Passage:
    """A few sentences of the language reference.

    Attributes:
        section: the nearest heading above.
        term: the first piece of code the passage quotes; None where it quotes none.
        opening: its first words.
    """

    section: str
    term: str | None
    opening: str
    text: str


def read_passages() -> list[Passage]:
    """Return the prose of every `help()` topic as passages of distinct text, topics in order."""
    passages = (passage for _, text in sorted(topics.items()) for passage in _passages(text))
    return list({passage.text: passage for passage in passages}.values())


def _passages(topic: str) -> Iterator[Passage]:
    section = ""
    for block in re.split(r"\n\s*\n", topic):
        heading, *below = block.strip("\n").split("\n")
        if len(below) == 1 and UNDERLINE.match(below[0]):
            section = heading
            continue
        for text in _pieces(dedent(block.strip("\n"))):
            yield _passage(section, text)


def _pieces(block: str) -> Iterator[str]:
    if not block[:1].isupper() or not block.rstrip().endswith(".") or EDITORIAL.search(block):
        return
    if any(line.startswith(" ") for line in block.split("\n")):
        return
    rest = " ".join(block.split())
    while rest:
        # A sentence too long to keep is passed over, and the next passage starts after it.
        text = whole_sentences(rest)
        taken = text or SENTENCE_END.split(rest)[0]
        rest = rest[len(taken) :].strip()
        if len(text) >= PASSAGE_CHARACTERS_AT_LEAST:
            yield text


def _passage(section: str, text: str) -> Passage:
    found = QUOTED_CODE.search(text)
    opening = " ".join(text.split()[:OPENING_WORDS])
    return Passage(section, found[1] if found else None, opening, text)
