"""Hashes are found among the catalog's, whatever they begin with."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from catalog.runs.lookup import Lookup, words

EDGES = st.sampled_from([0, 1, 2**63 - 1, 2**63, 2**64 - 2, 2**64 - 1])
WORD = st.one_of(EDGES, st.integers(0, 2**64 - 1))
HASHES = st.lists(st.tuples(WORD, WORD), max_size=40)


@given(HASHES, HASHES)
def test_every_hash_is_found_and_no_other(known: list[tuple[int, int]], more: object) -> None:
    held = list(dict.fromkeys(known))
    asked = [*held, *more]  # type: ignore[misc]
    lookup = Lookup(
        np.array(held, np.uint64).reshape(-1, 2), np.arange(1, len(held) + 1, dtype=np.int64)
    )
    ids = lookup.ids(np.array(asked, np.uint64).reshape(-1, 2))
    numbers = {pair: number for number, pair in enumerate(held, 1)}
    assert ids.tolist() == [numbers.get(pair, 0) for pair in asked]


def test_words_are_read_from_any_part_of_a_column() -> None:
    hashes = [bytes([number]) * 32 for number in range(5)]
    whole = words(pa.array(hashes, pa.binary(32)))
    assert whole[3].tolist() == [int.from_bytes(hashes[3][:8], "big")] * 2
    assert (words(pa.array(hashes, pa.binary(32)).slice(2, 2)) == whole[2:4]).all()
    assert (words(pa.array(hashes, pa.binary())) == whole).all()
    assert words(pa.array([], pa.binary(32))).shape == (0, 2)
