"""Finding items in texts: which runs of which items' words stand in which samples."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from catalog.contamination.grams import Positions, Table, WordIds, rolling
from catalog.contamination.items import Checked, Item, Kind, Part, Vocabulary
from catalog.contamination.words import (
    CHARACTERS_PER_WORD,
    SEPARATOR,
    is_unspaced,
    stands_alone,
    words,
)

EVIDENCE_WORDS = 40
"""Of the longest run that both have, so many words are kept to show."""

ANYWHERE_WORDS = 9
"""A whole question of so many words is evidence anywhere; a shorter one as a sentence alone."""

MOST_ITEMS = 25
"""Of a task's items that one sample overlaps, the best are kept: a passage has some questions."""


class Overlap(NamedTuple):
    """What one text shares with one part of one item.

    Attributes:
        text: its place among those looked through.
        group: the place of the item's group among those looked for.
        item: the item.
        part: which part of it.
        kind: `ngram` where runs of words are shared, `whole` where a short question is all there.
        score: the share of the item's runs that the text has; 1.0 for `whole`.
        evidence: the longest run of words that both have, as far as it is shown.
    """

    text: int
    group: int
    item: Item
    part: Part
    kind: Kind
    score: float
    evidence: str


class Matcher:
    """Looks for many items at once.

    Args:
        groups: what to look for.
        vocabulary: the numbers of their words.
    """

    def __init__(self, groups: Sequence[Checked], vocabulary: Vocabulary) -> None:
        self._groups = groups
        self._vocabulary = vocabulary
        self._words = vocabulary.words()
        sizes = np.array([len(group.spans.ids) for group in groups], np.int64)
        self._offsets = np.cumsum(sizes) - sizes
        self._ids: WordIds = np.concatenate(
            [np.zeros(0, np.int32), *(group.spans.ids for group in groups)]
        )
        self._starts = self._joined([group.spans.starts for group in groups])
        counts = np.array([len(group.items) for group in groups], np.int64)
        self._first = np.cumsum(counts) - counts
        self._tables: dict[int, list[tuple[Kind, Table]]] = {}
        self._runs = np.zeros(len(self._starts), np.int64)
        self._build("ngram")
        self._build("whole")

    def _joined(self, parts: Sequence[Positions]) -> Positions:
        """Lay positions of all groups end to end, as their words are."""
        moved = [part + offset for part, offset in zip(parts, self._offsets, strict=True)]
        return np.concatenate([np.zeros(0, np.int64), *moved])

    def _build(self, kind: Kind) -> None:
        nothing = np.zeros(0, np.int64)
        for length in sorted({length for group in self._groups for length in group.runs[kind]}):
            starts = self._joined([group.runs[kind].get(length, nothing) for group in self._groups])
            self._tables.setdefault(length, []).append((kind, Table(self._ids, length, starts)))
            if kind == "ngram":
                np.add.at(self._runs, self._owners(starts), 1)

    def _owners(self, starts: Positions) -> Positions:
        """Return which item's text each run begins in, counted through all groups."""
        return np.asarray(np.searchsorted(self._starts, starts, "right") - 1)

    def find(self, texts: Sequence[str]) -> Iterator[Overlap]:
        """Find the items that stand in some texts.

        Args:
            texts: what to look through; messages of one are parted by `SEPARATOR`.

        Yields:
            Overlaps by kind, text, and then the best first.
        """
        said: list[str] = []
        ends = np.zeros(len(texts), np.int64)
        for number, text in enumerate(texts):
            said += words(text)
            said.append(SEPARATOR)
            ends[number] = len(said)
        ids = self._vocabulary.read(said)
        hits: dict[Kind, list[tuple[Positions, Positions, int]]] = {"ngram": [], "whole": []}
        for length, hashes in rolling(ids, sorted(self._tables)):
            for kind, table in self._tables[length]:
                for places, starts in table.find(ids, hashes):
                    found = np.searchsorted(ends, places, "right")
                    hits[kind].append((found, starts, length))
        yield from self._ngrams(hits["ngram"])
        for found, starts, length in hits["whole"]:
            yield from self._wholes(texts, found, starts, length)

    def _wholes(
        self, texts: Sequence[str], found: Positions, starts: Positions, length: int
    ) -> Iterator[Overlap]:
        """Give the short questions that are there, not as parts of longer sentences."""
        for text, start in dict.fromkeys(zip(found.tolist(), starts.tolist(), strict=True)):
            run = [self._words[number] for number in self._ids[start : start + length]]
            scale = CHARACTERS_PER_WORD if is_unspaced("".join(run)) else 1
            if length >= ANYWHERE_WORDS * scale or stands_alone(run, texts[text]):
                owner = int(self._owners(np.array([start]))[0])
                yield self._overlap(text, owner, "whole", 1.0, " ".join(run))

    def _ngrams(self, hits: Sequence[tuple[Positions, Positions, int]]) -> Iterator[Overlap]:
        """Sum up the runs that a text shares with an item's."""
        if not hits:
            return
        found = np.concatenate([part[0] for part in hits])
        starts = np.concatenate([part[1] for part in hits])
        lengths = np.concatenate([np.full(len(part[0]), part[2]) for part in hits])
        # Starts ascend through the items, so each pair of text and item is one stretch of rows.
        rows = np.lexsort((starts, found))
        found, starts, lengths = found[rows], starts[rows], lengths[rows]
        new = np.ones(len(found), np.bool_)
        new[1:] = (found[1:] != found[:-1]) | (starts[1:] != starts[:-1])
        found, starts, lengths = found[new], starts[new], lengths[new]
        owners = self._owners(starts)
        edges = np.flatnonzero(
            (np.diff(found, prepend=-1) != 0) | (np.diff(owners, prepend=-1) != 0)
        )
        counts = np.diff(edges, append=len(found))
        scores = counts / self._runs[owners[edges]]
        for pair in self._best(found[edges], owners[edges], scores):
            piece = slice(edges[pair], edges[pair] + counts[pair])
            said = self._longest(starts[piece], int(lengths[edges[pair]]))
            text, owner = int(found[edges[pair]]), int(owners[edges[pair]])
            yield self._overlap(text, owner, "ngram", float(scores[pair]), said)

    def _best(
        self, texts: Positions, owners: Positions, scores: npt.NDArray[np.float64]
    ) -> Positions:
        """Return which pairs to keep: of each text the best items of each group."""
        groups = np.searchsorted(self._first, owners, "right")
        order = np.lexsort((owners, -scores, groups, texts))
        key = (texts * (len(self._first) + 1) + groups)[order]
        rank = np.arange(len(order)) - np.searchsorted(key, key)
        return np.asarray(order[rank < MOST_ITEMS])

    def _longest(self, starts: Positions, length: int) -> str:
        """Return the longest run of words that overlapping runs make up, cut to what is shown."""
        breaks = np.flatnonzero(np.diff(starts, prepend=-2) != 1)
        sizes = np.diff(breaks, append=len(starts))
        longest = int(sizes.argmax())
        first = int(starts[breaks[longest]])
        shown = min(int(sizes[longest]) + length - 1, EVIDENCE_WORDS)
        return " ".join(self._words[number] for number in self._ids[first : first + shown])

    def _overlap(self, text: int, owner: int, kind: Kind, score: float, evidence: str) -> Overlap:
        group = int(np.searchsorted(self._first, owner, "right") - 1)
        checked = self._groups[group]
        item = checked.items[owner - int(self._first[group])]
        return Overlap(text, group, item, checked.part, kind, score, evidence)
