"""Places of samples that follow each other."""

import numpy as np

from catalog.similarity.scoring import Positions


def together(positions: Positions) -> slice | Positions:
    """Return positions as a slice where they follow each other, which is faster to write to."""
    first, last = int(positions[0]), int(positions[-1])
    if last - first == len(positions) - 1 and (np.diff(positions) == 1).all():
        return slice(first, last + 1)
    return positions
