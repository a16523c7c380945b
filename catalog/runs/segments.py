"""Segments of a ledger, read: each is checked before it is believed."""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from catalog.ledger import SCHEMAS


class Segment(NamedTuple):
    """A file of a ledger: its name, the digest of its bytes, whose it is and what it holds."""

    name: str
    digest: str
    kind: str
    attempt: int
    rank: int
    table: pa.Table


def fresh_segments(
    folder: Path, run: str, known: Mapping[str, str], problems: list[str]
) -> Iterator[Segment]:
    """Give the segments that are not imported yet, and note what is wrong with the others."""
    for path in sorted(folder.glob("*.arrow")):
        try:
            content = path.read_bytes()
            mark = sha256(content).hexdigest()
            if path.name not in known:
                yield read_segment(path.name, content, run, mark)
            elif known[path.name] != mark:
                problems.append(f"{path}: changed since it was imported; left as it was")
        except (pa.ArrowException, OSError, ValueError) as error:
            problems.append(f"{path}: cannot be read, skipped: {error}")


def read_segment(name: str, content: bytes, run: str, digest: str) -> Segment:
    """Return a segment, checked.

    Raises:
        ValueError: it is none, or another run's.
    """
    kind = name.split(".")[-2]
    with pa.ipc.open_file(pa.BufferReader(content)) as reader:
        table = reader.read_all()
    if kind not in SCHEMAS or table.schema != SCHEMAS[kind]:
        raise ValueError("it is no ledger segment")
    table.validate(full=True)
    about = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    if about.get("run") != run:
        raise ValueError(f"it belongs to the run {about.get('run')!r}")
    return Segment(name, digest, kind, int(about["attempt"]), int(about["rank"]), table)
