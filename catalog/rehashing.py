"""The texts of samples hashed anew, in the order in which they lie in the database.

Whatever order they are wanted in, to read them in any other would be to read nearly all of the pool
for every few of them.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from catalog.home import Home
from catalog.identity import content_hash, encode_message
from catalog.sql import load
from catalog.store import Store

SAMPLES_AT_ONCE = 50_000
"""Read under one lock."""

BATCH_ROWS = 2048
HASH_BYTES = 32

Hashes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Rehashed:
    """Some samples, in any order.

    Attributes:
        ids: int64 (n,), of the samples.
        stored: uint8 (n, 32), their content hashes; zeros for one of another length.
        computed: uint8 (n, 32), the hashes of their texts; zeros for what is no conversation.
        has_text: bool (n,), whether there is any.
        same: bool (n,), whether both hashes are there and equal.
    """

    ids: npt.NDArray[np.int64]
    stored: Hashes
    computed: Hashes
    has_text: npt.NDArray[np.bool_]
    same: npt.NDArray[np.bool_]


def rehash(home: Home, ids: npt.NDArray[np.int64]) -> Iterator[Rehashed]:
    """Hash the texts of samples anew, some at a time; one that is not there is left out.

    Args:
        home: the catalog's.
        ids: int64 (n,), ascending.
    """
    query = load("rehash/texts")
    for start in range(0, len(ids), SAMPLES_AT_ONCE):
        part = ids[start : start + SAMPLES_AT_ONCE]
        with Store(home).read() as reader:
            reader.register("wanted", pa.table({"sample_id": part}))
            within = {"first": int(part[0]), "last": int(part[-1])}
            for batch in reader.batches(query, BATCH_ROWS, **within):
                yield _rehashed(batch)


def _rehashed(batch: pa.RecordBatch) -> Rehashed:
    stored = batch["content_hash"].to_pylist()
    computed = _encoded_hashes(batch["encoded"])
    left = batch["encoded"].is_null()
    others = batch.select(["messages", "tools"]).filter(left).to_pylist()
    for place, row in zip(np.flatnonzero(left), others, strict=True):
        computed[place] = text_hash(row)
    return Rehashed(
        batch["sample_id"].to_numpy(),
        _array(stored),
        _array(computed),
        batch["has_text"].to_numpy(zero_copy_only=False),
        np.array([one == other for one, other in zip(stored, computed, strict=True)], np.bool_),
    )


def _encoded_hashes(texts: pa.StringArray) -> list[bytes]:
    """Return the hashes of texts, without making objects of them; for a null any will do."""
    _, offsets, data = texts.buffers()
    if data is None:
        return [b""] * len(texts)
    ends = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1].tolist()
    whole = memoryview(data)
    return [sha256(whole[start:end]).digest() for start, end in pairwise(ends)]


def _array(hashes: list[bytes]) -> Hashes:
    whole = b"".join(one if len(one) == HASH_BYTES else bytes(HASH_BYTES) for one in hashes)
    return np.frombuffer(whole, np.uint8).reshape(-1, HASH_BYTES)


def text_hash(row: Mapping[str, Any]) -> bytes:
    """Return the content hash of a text as it is stored, or nothing if that is no conversation."""
    try:
        messages = [
            encode_message(m["role"], m["content"], json.loads(m["extra"] or "null"))
            for m in row["messages"]
        ]
        return content_hash(messages, json.loads(row["tools"] or "null"))
    except (TypeError, ValueError, AttributeError):
        return b""
