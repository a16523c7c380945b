"""Staged rows into the pool: one short transaction per chunk, its checkpoint inside.

Which rows the pool knows is looked up before, while others may read: that takes longer the larger
the pool is. The transaction relies on it if nothing was written since.

DuckDB compresses a row group when it is full, and one that is not full again with every chunk that
is added to it. So a chunk ends where it fills a row group, if that is in sight; the rows beyond
wait for the next. One thread inserts: several would leave a row group each.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from catalog import schema
from catalog.connection import ROW_GROUP_ROWS
from catalog.jobs import Counts
from catalog.sql import load
from catalog.store import Reader, Transaction
from ingest.accepted import ROWS_PER_BLOCK, STAGED
from ingest.staging import Staged, read_staged

FIRST_LEFT_OUT = "select ordinal from fresh order by ordinal limit 1 offset $samples"
DESCRIBE_SOURCES = """
update source
set uri = coalesce($uri, uri), license = coalesce($license, license)
where revision = $revision and name in (select source from arrived)
"""


@dataclass(frozen=True)
class Provenance:
    """What all sources of one ingest have in common."""

    revision: str
    uri: str | None
    license: str | None


@dataclass(frozen=True)
class Arriving:
    """Rows to insert, and what the pool knew of them.

    Attributes:
        rows: as they were staged.
        met: ordinal and sample_id of those whose samples it knew.
        clock: the change after which it was looked at.
    """

    rows: pa.Table
    met: pa.Table
    clock: int


def look_up(reader: Reader, blocks: Sequence[Staged], folder: str, start: int = 0) -> Arriving:
    """Look up which rows the pool knows.

    Args:
        reader: of the pool.
        blocks: whole blocks, at least one.
        folder: where their files are.
        start: the ordinal of the first row of the first block that was not committed before.
    """
    paths = [block.path(folder, "rows") for block in blocks if block.accepted]
    skipped = start % ROWS_PER_BLOCK if blocks[0].number == start // ROWS_PER_BLOCK else 0
    return _arriving(reader, read_staged(paths).slice(skipped) if paths else STAGED.empty_table())


def _arriving(reader: Reader, rows: pa.Table) -> Arriving:
    reader.register("staged", rows.select(["ordinal", "content_hash", "order_key"]))
    return Arriving(rows, reader.arrow(load("ingest/met")), reader.clock())


def commit(
    transaction: Transaction,
    job_id: int,
    provenance: Provenance,
    blocks: Sequence[Staged],
    folder: str,
    arriving: Arriving,
) -> tuple[Counts, int]:
    """Insert staged rows and refusals; return what became of them, and where the rest begins.

    Args:
        transaction: the checkpoint is moved in it too.
        job_id: the job they belong to.
        provenance: of the sources that are new.
        blocks: whole blocks, at least one; the last rows may be left for the next chunk.
        folder: where their files are.
        arriving: what `look_up` found for them.

    Returns:
        The counts, and the ordinal of the first row not committed: blocks before are done with.
    """
    counts, end = Counts(), (blocks[-1].number + 1) * ROWS_PER_BLOCK
    if len(arriving.rows):
        found, end = _commit_rows(transaction, job_id, provenance, arriving, end)
        counts.add(found)
    done = [block for block in blocks if block.number < end // ROWS_PER_BLOCK]
    if refused := [block.path(folder, "refused") for block in done if block.reasons]:
        counts.refused = transaction.insert_select(
            schema.rejection,
            "select $job_id as job_id, * from staged",
            {"job_id": job_id},
            staged=read_staged(refused),
        )
    counts.read = counts.added + counts.duplicate + counts.refused
    return counts, end


def _commit_rows(
    transaction: Transaction, job_id: int, provenance: Provenance, arriving: Arriving, end: int
) -> tuple[Counts, int]:
    transaction.use_threads(1)
    if arriving.clock + 1 != transaction.change_id:
        arriving = _arriving(transaction, arriving.rows)
    transaction.register("met", arriving.met)
    transaction.register("staged", arriving.rows)
    transaction.make("arrived", load("ingest/arrived"))
    transaction.make("fresh", load("ingest/fresh"))
    end = _cut(transaction, end)
    described = {
        "revision": provenance.revision,
        "uri": provenance.uri,
        "license": provenance.license,
    }
    if provenance.uri or provenance.license:
        transaction.connection.execute(DESCRIBE_SOURCES, described)
    transaction.insert_select(schema.source, load("ingest/source"), described)
    revision = {"revision": provenance.revision}
    added = transaction.insert_select(schema.sample, load("ingest/sample"), revision)
    transaction.insert_select(
        schema.sample_source,
        load("ingest/appearance"),
        {"job_id": job_id, **revision},
    )
    arrived = transaction.value("select count(*) from arrived")
    retired = transaction.value("select count(*) from arrived semi join retired using (sample_id)")
    return Counts(added=added, duplicate=arrived - added, retired=retired), end


def _cut(transaction: Transaction, end: int) -> int:
    """Leave out the rows after the one that fills a row group, if any; return where they begin."""
    known = transaction.value("select count(*) from sample")
    fresh = transaction.value("select count(*) from fresh")
    wanted = fresh - (known + fresh) % ROW_GROUP_ROWS
    if not 0 < wanted < fresh:
        return end
    cut = int(transaction.value(FIRST_LEFT_OUT, samples=wanted))
    for name in ("fresh", "arrived"):
        transaction.discard(name, "ordinal >= $end", end=cut)
    return cut


def retire_unseen(transaction: Transaction, provenance: Provenance, seen: Sequence[str]) -> int:
    """Retire the samples of the sources read that no row read holds, and return how many.

    Args:
        transaction: to write in.
        provenance: tells the revision.
        seen: files of every row accepted, with its `source` and `content_hash`.
    """
    return transaction.insert_select(
        schema.retirement,
        load("ingest/unseen"),
        {"revision": provenance.revision},
        staged=read_staged(seen).select(["source", "content_hash"]),
    )
