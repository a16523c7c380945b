"""Segments of a ledger, read: each is checked before it is believed."""

import re
from collections.abc import Iterator, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import sha256
from typing import NamedTuple
from zlib import crc32

import pyarrow as pa
import pyarrow.compute as pc

from catalog.ledger import SCHEMAS, TOLD
from catalog.runs.reading import LedgerFolder, Listed

NAME = re.compile(r"(\d{1,9})-(\d{1,9})-(\d{1,9})(?:-([0-9a-f]{8}))?\.(\w+)\.arrow")
"""Attempt, rank, number, the CRC-32 of the bytes, and kind."""
MAY_LACK = {"exposures": {*TOLD}, "steps": {"reason", "digest"}, "checkpoints": {"path"}}
"""Columns that may hold nulls, by kind."""
TOLD_ONCE = ("exposures", "steps", "lost")
"""Kinds of which no two segments of a run can be alike, but by copying."""
READERS = 2
AHEAD_BYTES = 64_000_000
AHEAD_FILES = 256
"""How much is read at once, before it is worked on."""


class Segment(NamedTuple):
    """A file of a ledger: its name, the digest of its bytes, whose it is and what it holds.

    `problem` says why it cannot be used; then it holds nothing, and of whom it is may be unknown.
    """

    name: str
    digest: str
    kind: str
    attempt: int | None
    rank: int | None
    table: pa.Table
    size_bytes: int
    problem: str | None = None


class Known(NamedTuple):
    """What the catalog remembers of a segment."""

    digest: str
    problem: str | None


NOTHING = pa.table({})


def fresh_segments(
    folder: LedgerFolder, run: str, known: Mapping[str, Known], problems: list[str]
) -> Iterator[Segment]:
    """Give the segments that are not taken in yet, damaged ones too; note what is wrong.

    Args:
        folder: where they lie.
        run: the name that they must bear.
        known: by name those that were looked at before.
        problems: told of every segment that cannot be used, new or not.
    """
    seen = {found.digest: name for name, found in known.items() if not found.problem}
    done = {name for name, found in known.items() if not found.problem}
    for segment in _read_all(folder, run, done):
        before = known.get(segment.name)
        where = f"{folder.path}/{segment.name}"
        twin = seen.get(segment.digest)
        if before and not before.problem:
            if before.digest != segment.digest:
                problems.append(f"{where}: changed since it was imported; left as it was")
            continue
        if not segment.problem and segment.kind in TOLD_ONCE and twin:
            segment = segment._replace(problem=f"a copy of {twin}", table=NOTHING)
        if segment.problem:
            problems.append(f"{where}: skipped: {segment.problem}")
            if before == Known(segment.digest, segment.problem):
                continue
        else:
            seen[segment.digest] = segment.name
        yield segment


def _read_all(folder: LedgerFolder, run: str, done: Set[str]) -> Iterator[Segment]:
    """Read every segment of a folder, some ahead of being asked for; of those done, the digest."""
    waiting = [listed for listed in folder.listed() if listed.name.endswith(".arrow")]
    with ThreadPoolExecutor(READERS) as pool:
        while waiting:
            size, batch = 0, 0
            while batch < min(len(waiting), AHEAD_FILES) and size < AHEAD_BYTES:
                size += waiting[batch].size_bytes
                batch += 1
            yield from pool.map(partial(read_segment, folder, run, done), waiting[:batch])
            waiting = waiting[batch:]


def read_segment(folder: LedgerFolder, run: str, done: Set[str], listed: Listed) -> Segment:
    """Return a segment, checked; one that cannot be used says why, one that is done holds nothing.

    Args:
        folder: where it lies.
        run: the name that it must bear.
        done: names of those of which the digest is all that is wanted.
        listed: which it is.
    """
    match = NAME.fullmatch(listed.name)
    attempt, rank = (int(match[1]), int(match[2])) if match else (None, None)
    kind, digest = match[5] if match else "unknown", ""
    try:
        content = folder.read(listed.name)
        digest = sha256(content).hexdigest()
        if listed.name in done:
            return Segment(listed.name, digest, kind, attempt, rank, NOTHING, listed.size_bytes)
        if match and match[4] and int(match[4], 16) != crc32(content):
            raise ValueError("damaged: its bytes do not have the checksum in its name")
        table = _table(content, kind, {"run": run, "attempt": attempt, "rank": rank})
        return Segment(listed.name, digest, kind, attempt, rank, table, listed.size_bytes)
    except (pa.ArrowException, OSError, ValueError) as error:
        problem = str(error) or type(error).__name__
        return Segment(
            listed.name, digest, kind, attempt, rank, NOTHING, listed.size_bytes, problem
        )


def _table(content: pa.Buffer, kind: str, wanted: Mapping[str, object]) -> pa.Table:
    """Return what a segment holds.

    Raises:
        ValueError: it is no segment, or another's than its name and its folder say.
        ArrowException: it is cut short, or no Arrow file at all.
    """
    if kind not in SCHEMAS:
        raise ValueError("its name is no segment's")
    with pa.ipc.open_file(pa.BufferReader(content)) as reader:
        table = reader.read_all()
    schema = SCHEMAS[kind]
    if not table.schema.equals(schema):
        raise ValueError("it is no ledger segment")
    table.validate(full=True)
    told = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    for name, value in wanted.items():
        found = told.get(name)
        if (int(found) if found and found.isdecimal() and name != "run" else found) != value:
            raise ValueError(f"it belongs to the {name} {found!r}, not to {value!r}")
    for name in set(schema.names) - MAY_LACK.get(kind, set()):
        if table[name].null_count:
            raise ValueError(f"its column {name!r} has gaps")
    for name in {"step", "first_step"} & set(schema.names):
        if table.num_rows and pc.min(table[name]).as_py() < 0:
            raise ValueError("it holds a step below 0")
    return table.replace_schema_metadata()
