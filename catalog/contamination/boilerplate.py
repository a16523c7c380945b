"""What many items of a task have in common, its instructions, is no evidence of anything.

It is found in the task itself: runs of words that stand in many of its items, and beginnings and
ends that they share. Passages that some items are about stay: few items share one.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from catalog.contamination.grams import Hashes, Positions, WordIds, inside, rolling

RUN_WORDS = 8
"""Shorter runs are common in any language; without this, half of all questions would go."""

SHARE = 0.005
LEAST_ITEMS = 20
"""A run is boilerplate in at least so many items, and this share of them. Of 100 questions of one
subject among 14,000 the heading goes; a passage with 17 questions of 1,168 stays."""

MOST = 0.5
LEAST_OF_FEW = 3
"""In a task of few items, a run in half of them, and in three at least."""

EDGE_WORDS = 4
"""A shorter beginning or end must stand in half of the items: many questions begin alike."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Spans:
    """Texts laid end to end, with a 0 after each.

    Attributes:
        ids: their words, int32.
        starts: where each begins, int64 (texts,).
        lengths: in words, int64 (texts,).
    """

    ids: WordIds
    starts: Positions
    lengths: Positions

    def owners(self) -> Positions:
        """Return for every word which text it belongs to, int64 (words,); borders to the last."""
        return np.repeat(np.arange(len(self.starts)), self.lengths + 1)


def is_common(items: npt.NDArray[np.int64], of: int) -> Mask:
    """Tell whether counts of items are enough to call what they share boilerplate.

    >>> is_common(np.array([19, 20, 71, 72]), 14_327).tolist()
    [False, False, False, True]
    >>> is_common(np.array([3, 4]), 8).tolist()
    [False, True]
    """
    many = (items >= LEAST_ITEMS) & (items >= SHARE * of)
    return np.asarray(many | ((items >= LEAST_OF_FEW) & (items >= MOST * of)))


def boilerplate(spans: Spans, run_words: int = RUN_WORDS) -> Mask:
    """Find the words of a task's items that many of its items share.

    Args:
        spans: one part, such as the question, of every item of a task.
        run_words: the length of the runs that are counted.

    Returns:
        bool (words,), true where a word is boilerplate.
    """
    found = np.zeros(len(spans.ids), np.bool_)
    owners = spans.owners()
    for length, hashes in rolling(spans.ids, [run_words]):
        starts = np.flatnonzero(inside(spans.ids, length))
        common = starts[_in_many(hashes[starts], owners[starts], len(spans.starts))]
        for offset in range(length):
            found[common + offset] = True
    for length, hashes in rolling(spans.ids, list(range(1, run_words))):
        long_enough = np.flatnonzero(spans.lengths >= length)
        first = spans.starts[long_enough]
        for edge in (first, first + spans.lengths[long_enough] - length):
            common = edge[_in_many(hashes[edge], long_enough, len(spans.starts), length)]
            for offset in range(length):
                found[common + offset] = True
    return found


def _in_many(hashes: Hashes, owners: Positions, of: int, length: int = RUN_WORDS) -> Mask:
    """Tell which runs stand in many different items."""
    order = np.lexsort((owners, hashes))
    new_run = np.diff(hashes[order], prepend=hashes[order][:1] ^ np.uint64(1)) != 0
    new_owner = np.diff(owners[order], prepend=-1) != 0
    run = np.cumsum(new_run) - 1
    items = np.bincount(run, weights=new_run | new_owner).astype(np.int64)
    common = is_common(items, of)
    if length < EDGE_WORDS:
        common &= items >= MOST * of
    found = np.zeros(len(hashes), np.bool_)
    found[order] = common[run] if len(run) else False
    return found


def phrases(spans: Spans, mask: Mask, words: list[str], most: int) -> list[tuple[str, int]]:
    """Return the stretches of boilerplate that make up most of it, with how often each stands.

    Args:
        spans: the texts.
        mask: what of them is boilerplate.
        words: every word by its number.
        most: how many to return.
    """
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    counted = Counter(
        spans.ids[start:end].tobytes() for start, end in zip(edges[::2], edges[1::2], strict=True)
    )
    ordered = sorted(counted.items(), key=lambda run: (-run[1] * len(run[0]), run[0]))[:most]
    return [
        (" ".join(words[number] for number in np.frombuffer(run, np.int32)), count)
        for run, count in ordered
    ]
