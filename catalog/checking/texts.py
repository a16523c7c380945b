"""The text of every sample hashed anew: what a hash stands for is what was taken in."""

from catalog.checking.fault import Fault, Faults
from catalog.home import Home
from catalog.sql import load
from catalog.store import Store
from catalog.verification import text_hash

SAMPLES_AT_ONCE = 20_000


def altered_texts(home: Home) -> Faults:
    """Give the samples whose text is not that of their content hash."""
    altered: list[str] = []
    after = -1
    while True:
        with Store(home).read() as reader:
            found = reader.arrow(load("show/sample_texts"), after=after, count=SAMPLES_AT_ONCE)
        rows = found.to_pylist()
        if not rows:
            break
        after = rows[-1]["sample_id"]
        altered += [
            row["content_hash"].hex() for row in rows if text_hash(row) != row["content_hash"]
        ]
    if altered:
        yield Fault.of(
            "texts",
            "samples whose text is not that of their content hash",
            "restore a backup that is whole (catalog restore DIR --home NEW)",
            altered,
        )
