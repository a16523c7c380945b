"""Batches by the tokens they cost, of texts that are padded alike.

A model's last bits depend on how far a text is padded. So that depends on the text alone, and not
on its neighbours: a text has the same vector and NLL in every batch, job and order of ingest,
and samples of one text tie. A text always gets some padding, unless the model has no room for it,
since models compute otherwise without; such texts go in batches of their own.
"""

from collections.abc import Iterator, Sequence

import numpy as np

PAD_TO = 8
UNLIMITED = 1 << 30


def padded(length: int, limit: int = UNLIMITED) -> int:
    """Return how many tokens a text of `length` has with its padding, at most the model's limit.

    >>> padded(7), padded(8), padded(510, 512), padded(512, 512)
    (8, 16, 512, 512)
    """
    return max(min((length // PAD_TO + 1) * PAD_TO, limit), length)


def by_tokens(
    lengths: Sequence[int], batch_tokens: int, limit: int = UNLIMITED
) -> Iterator[list[int]]:
    """Group positions into batches of texts that are padded alike, longest first.

    Args:
        lengths: tokens of each text, at least 1.
        batch_tokens: a batch's tokens, padding included, stay within this; one text may exceed it.
        limit: tokens that the model has places for.

    Yields:
        Positions into `lengths`; every position comes once.

    >>> list(by_tokens([2, 9, 3, 3], 24))
    [[1], [2, 3, 0]]
    """
    order = np.argsort(-np.asarray(lengths, np.int64), kind="stable").tolist()
    start = 0
    while start < len(order):
        longest = lengths[order[start]]
        width = padded(longest, limit)
        most = start + max(1, batch_tokens // width)
        end = start + 1
        while end < min(most, len(order)) and _alike(lengths[order[end]], longest, width, limit):
            end += 1
        yield order[start:end]
        start = end


def _alike(length: int, longest: int, width: int, limit: int) -> bool:
    return padded(length, limit) == width and (length == width) == (longest == width)
