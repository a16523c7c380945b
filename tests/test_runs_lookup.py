"""Hashes are found among the catalog's, whatever they begin with."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from catalog.runs.lookup import Lookup, words

EDGES = st.sampled_from([0, 1, 2**63 - 1, 2**63, 2**64 - 2, 2**64 - 1])
WORD = st.one_of(EDGES, st.integers(0, 2**64 - 1))
HASHES = st.lists(st.tuples(WORD, WORD, EDGES, EDGES), max_size=40)
Hash = tuple[int, int, int, int]


@given(HASHES, HASHES)
def test_every_hash_is_found_and_no_other(known: list[Hash], more: list[Hash]) -> None:
    held = list(dict.fromkeys(known))
    asked = [*held, *more]
    lookup = Lookup(
        np.array(held, np.uint64).reshape(-1, 4), np.arange(1, len(held) + 1, dtype=np.int64)
    )
    ids = lookup.ids(np.array(asked, np.uint64).reshape(-1, 4))
    numbers = {words: number for number, words in enumerate(held, 1)}
    assert ids.tolist() == [numbers.get(words, 0) for words in asked]


def test_hashes_that_differ_in_their_last_bits_are_told_apart() -> None:
    hashes = words(pa.array([number.to_bytes(32, "big") for number in range(50_000)]))
    ids = np.arange(1, len(hashes) + 1)
    lookup = Lookup(hashes[::2], ids[::2])
    assert (lookup.ids(hashes) == np.where(ids % 2, ids, 0)).all()


def test_words_are_read_from_any_part_of_a_column() -> None:
    hashes = [bytes([number]) * 32 for number in range(5)]
    whole = words(pa.array(hashes, pa.binary(32)))
    assert whole[3, 1:].tolist() == [int.from_bytes(hashes[3][:8], "big")] * 3
    assert len(set(whole[:, 0].tolist())) == 5
    assert (words(pa.array(hashes, pa.binary(32)).slice(2, 2)) == whole[2:4]).all()
    assert (words(pa.array(hashes, pa.binary())) == whole).all()
    assert words(pa.array([], pa.binary(32))).shape == (0, 4)
