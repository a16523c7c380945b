"""Segments in the home's ledger folder, held against what was taken in of them."""

from hashlib import sha256

from catalog.checking.fault import Fault, Faults
from catalog.home import Home
from catalog.store import Store

BLOCK_BYTES = 1 << 22


def changed_segments(home: Home) -> Faults:
    """Give the segments that are not what they were when they were imported, or are gone."""
    changed: list[str] = []
    gone: list[str] = []
    with Store(home).read() as reader:
        rows = reader.rows(
            "select r.name as run, s.name, s.digest from ledger_segment as s "
            "join run as r on r.run_id = s.run_id "
            "where s.problem is null order by run, s.name"
        )
    for row in rows:
        folder = home.ledger / row["run"]
        path = folder / row["name"]
        if not folder.is_dir():
            continue  # logged elsewhere, or moved to an archive as a whole
        if not path.is_file():
            gone.append(str(path))
            continue
        whole = sha256()
        with path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                whole.update(block)
        if whole.hexdigest() != row["digest"]:
            changed.append(str(path))
    keep = "the catalog keeps what it took in; put the files back from a copy, to have proof again"
    if changed:
        yield Fault.of("ledger", "segments changed since they were imported", keep, changed)
    if gone:
        yield Fault.of("ledger", "segments are gone since they were imported", keep, gone)
