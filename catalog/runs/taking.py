"""Segments go into the catalog: many at a time, each whole and once, whoever else imports too."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog import schema
from catalog.home import Home
from catalog.runs.lookup import Lookup, words
from catalog.runs.segments import Segment
from catalog.sql import load
from catalog.store import Store, Transaction

ROWS_PER_COMMIT = 2_000_000
"""A commit holds the catalog's lock for about half a second per million exposures."""
SEGMENTS_PER_COMMIT = 4_000
HASHES = ("exposures", "dropped")
"""Kinds of segments that name samples."""
KINDS = {
    "exposures": (schema.exposure, "runs/exposure"),
    "steps": (schema.training_step, "runs/step"),
    "checkpoints": (schema.checkpoint, "runs/checkpoint"),
    "dropped": (schema.dropped_sample, "runs/dropped"),
    "lost": (schema.lost_exposure, "runs/lost"),
}
"""Where the rows of each kind of segment go, and the statement that makes them."""


@dataclass
class Taken:
    """How much was taken in: segments, their exposures, and those of samples not known here."""

    segments: int = 0
    exposures: int = 0
    unknown: int = 0

    def add(self, other: "Taken") -> None:
        """Add another count to this one."""
        self.segments += other.segments
        self.exposures += other.exposures
        self.unknown += other.unknown


class Taker:
    """Takes segments in; what hashes stand for is looked up once for all runs."""

    def __init__(self, home: Home) -> None:
        self._home = home

    @cached_property
    def _lookup(self) -> Lookup:
        return Lookup.of(self._home)

    def prepare(self, segments: Sequence[Segment]) -> dict[str, pa.Table]:
        """Put the rows of segments together by kind, and name the samples: nothing is locked.

        Returns:
            By kind a table with `attempt` and `rank`. In place of a hash it has `sample_id`, and is
            in its order: a sample is found later without reading the others. Where it is 0, and
            only then, `content_hash` is kept, null for all others.
        """
        found = {}
        for kind in KINDS:
            mine = [segment for segment in segments if segment.kind == kind and not segment.problem]
            if any(segment.table.num_rows for segment in mine):
                table = _together(mine)
                found[kind] = self._named(table) if kind in HASHES else table
        return found

    def _named(self, table: pa.Table) -> pa.Table:
        hashes = table["content_hash"].combine_chunks()
        ids = self._lookup.ids(words(hashes))
        table = table.drop_columns("content_hash").append_column("sample_id", pa.array(ids))
        if not ids.all():
            kept = pc.if_else(pa.array(ids == 0), hashes, pa.nulls(len(ids), hashes.type))
            table = table.append_column("content_hash", kept)
        # One sort of whole numbers that end in the row's own: many times faster than an argsort.
        bits = len(ids).bit_length()
        order = np.sort(ids << bits | np.arange(len(ids))) & ((1 << bits) - 1)
        return _ordered(table, pa.array(order))

    def take(self, run_id: int, segments: Sequence[Segment], ready: dict[str, pa.Table]) -> Taken:
        """Commit segments, but those that somebody else has committed meanwhile.

        Args:
            run_id: whose they are.
            segments: as they were read.
            ready: what `prepare` made of them.
        """
        while True:
            with Store(self._home).write("runs") as transaction:
                there = transaction.rows(
                    "select name from ledger_segment where run_id = $r and problem is null",
                    r=run_id,
                )
                late = {row["name"] for row in there} & {segment.name for segment in segments}
                if not late:
                    return _commit(transaction, run_id, segments, ready)
            segments = [segment for segment in segments if segment.name not in late]
            ready = self.prepare(segments)


def chunks(coming: Iterator[Segment]) -> Iterator[list[Segment]]:
    """Group segments into what one commit takes."""
    held: list[Segment] = []
    rows = 0
    for segment in coming:
        held.append(segment)
        rows += segment.table.num_rows
        if rows >= ROWS_PER_COMMIT or len(held) >= SEGMENTS_PER_COMMIT:
            yield held
            held, rows = [], 0
    if held:
        yield held


def _together(segments: Sequence[Segment]) -> pa.Table:
    lengths = [segment.table.num_rows for segment in segments]
    table = pa.concat_tables([segment.table for segment in segments])
    for name in ("attempt", "rank"):
        each = np.array([getattr(segment, name) for segment in segments], np.int32)
        table = table.append_column(name, pa.array(np.repeat(each, lengths)))
    return table


def _ordered(table: pa.Table, order: pa.Array) -> pa.Table:
    """Return the rows in another order; columns of one value, as many are, stay as they lie."""
    columns = []
    for column in table.columns:
        ends = pc.min_max(column)
        alike = column.null_count == 0 and ends["min"] == ends["max"]
        lacks = column.null_count == len(column)
        columns.append(column if alike or lacks else column.combine_chunks().take(order))
    return pa.table(columns, names=table.column_names)


def _commit(
    transaction: Transaction, run_id: int, segments: Sequence[Segment], ready: dict[str, pa.Table]
) -> Taken:
    taken = Taken(segments=sum(not segment.problem for segment in segments))
    for kind, rows in ready.items():
        if kind in HASHES:
            rows, unknown = _numbered(transaction, rows)
            if kind == "exposures":
                taken.exposures, taken.unknown = len(rows), unknown
        table, statement = KINDS[kind]
        transaction.insert_select(table, load(statement), {"run_id": run_id}, logged=rows)
    _note(transaction, run_id, segments)
    return taken


def _numbered(transaction: Transaction, rows: pa.Table) -> tuple[pa.Table, int]:
    """Give the hashes that nobody knows the ids they keep, and return how many rows have those."""
    ids = rows["sample_id"].to_numpy()
    strange = np.flatnonzero(ids == 0)
    unknown = int((ids < 0).sum()) + len(strange)
    if not len(strange):
        return rows, unknown
    logged = rows.select(["content_hash"]).take(pa.array(strange))
    transaction.insert_select(schema.unknown_sample, load("runs/unknown"), logged=logged)
    transaction.register("logged", logged)
    found = transaction.arrow(load("runs/numbered"))
    numbered = Lookup(words(found["content_hash"]), found["sample_id"].to_numpy())
    ids = ids.copy()
    ids[strange] = numbered.ids(words(logged["content_hash"]))
    rows = rows.drop_columns(["content_hash", "sample_id"])
    return rows.append_column("sample_id", pa.array(ids)), unknown


def _note(transaction: Transaction, run_id: int, segments: Sequence[Segment]) -> None:
    """Remember which segments these were, in place of what was remembered of damaged ones."""
    noted = pa.Table.from_pylist(
        [
            {
                "run_id": run_id,
                "name": segment.name,
                "kind": segment.kind,
                "attempt": segment.attempt,
                "rank": segment.rank,
                "digest": segment.digest,
                "rows": segment.table.num_rows,
                "problem": segment.problem,
            }
            for segment in segments
        ],
        schema=NOTED,
    )
    transaction.register("noted", noted)
    transaction.value(
        "delete from ledger_segment where run_id = $r and name in (select name from noted)",
        r=run_id,
    )
    transaction.insert_arrow(schema.ledger_segment, noted)


NOTED = pa.schema(
    [
        ("run_id", pa.int64()),
        ("name", pa.string()),
        ("kind", pa.string()),
        ("attempt", pa.int32()),
        ("rank", pa.int32()),
        ("digest", pa.string()),
        ("rows", pa.int64()),
        ("problem", pa.string()),
    ]
)
