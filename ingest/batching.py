"""Batches by the tokens they cost, so that none is mostly padding or too large for memory."""

from collections.abc import Iterator, Sequence

import numpy as np


def by_tokens(lengths: Sequence[int], batch_tokens: int) -> Iterator[list[int]]:
    """Group positions into batches of similar lengths, longest first.

    Args:
        lengths: tokens of each text, at least 1.
        batch_tokens: a batch's texts times its longest stay within this; one text may exceed it.

    Yields:
        Positions into `lengths`; every position comes once.

    >>> list(by_tokens([2, 9, 3, 3], 9))
    [[1], [2, 3, 0]]
    """
    order = np.argsort(-np.asarray(lengths), kind="stable")
    start = 0
    while start < len(order):
        longest = lengths[order[start]]
        count = max(1, batch_tokens // longest)
        yield order[start : start + count].tolist()
        start += count
