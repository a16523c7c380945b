"""The text of every sample hashed anew: what a hash stands for is what was taken in."""

from catalog.checking.fault import Fault, Faults
from catalog.home import Home
from catalog.rehashing import rehash
from catalog.sql import load
from catalog.store import Store


def altered_texts(home: Home) -> Faults:
    """Give the samples whose text is not that of their content hash."""
    with Store(home).read() as reader:
        ids = reader.arrow(load("rehash/samples"))["sample_id"].to_numpy()
    altered = [
        one.tobytes().hex()
        for found in rehash(home, ids)
        for one in found.stored[found.has_text & ~found.same]
    ]
    if altered:
        yield Fault.of(
            "texts",
            "samples whose text is not that of their content hash",
            "restore a backup that is whole (catalog restore DIR --home NEW)",
            altered,
        )
