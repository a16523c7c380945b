"""A shuffled order without a list of it: the same on any machine, by any number of processes."""

from hashlib import blake2b

ROUNDS = 8
WORD = 2**64 - 1


class Order:
    """A permutation of positions, by seed and epoch, that takes no memory and is asked one by one.

    A Feistel network over the next even number of bits is a permutation of slightly more positions;
    one that falls outside is sent through again until it falls inside (cycle walking).

    >>> [Order(6, seed=1, epoch=0)[place] for place in range(6)]
    [5, 2, 3, 1, 4, 0]

    Args:
        size: how many positions there are.
        seed: of the run.
        epoch: the pass over the data, from 0; each has an order of its own.
    """

    def __init__(self, size: int, seed: int, epoch: int) -> None:
        self._size = size
        self._bits = max((size - 1).bit_length() + 1, 2) // 2
        self._mask = (1 << self._bits) - 1
        name = f"catalog/order/1 {seed} {epoch}".encode()
        self._keys = [
            int.from_bytes(blake2b(name + bytes([number]), digest_size=8).digest(), "big")
            for number in range(ROUNDS)
        ]

    def __len__(self) -> int:
        """Return how many positions there are."""
        return self._size

    def __getitem__(self, place: int) -> int:
        """Return the position that comes at a place, both from 0.

        Raises:
            IndexError: there is no such place.
        """
        if not 0 <= place < self._size:
            raise IndexError(f"place {place} of {self._size}")
        place = self._through(place)
        while place >= self._size:
            place = self._through(place)
        return place

    def _through(self, place: int) -> int:
        left, right = place >> self._bits, place & self._mask
        for key in self._keys:
            left, right = right, left ^ (_mixed(right ^ key) & self._mask)
        return left << self._bits | right


def _mixed(value: int) -> int:
    """Return 64 bits that depend on all bits of the given ones (the finisher of SplitMix64)."""
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & WORD
    value = (value ^ value >> 27) * 0x94D049BB133111EB & WORD
    return value ^ value >> 31
