"""Staged rows into the pool: one short transaction per chunk, its checkpoint inside."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from catalog import schema
from catalog.jobs import Counts
from catalog.sql import load
from catalog.store import Transaction
from ingest.staging import read_staged

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


def commit(
    transaction: Transaction,
    job_id: int,
    provenance: Provenance,
    rows: Sequence[str],
    refused: Sequence[str],
) -> Counts:
    """Insert staged rows and refusals, and return what became of them.

    Args:
        transaction: the checkpoint is moved in it too.
        job_id: the job they belong to.
        provenance: of the sources that are new.
        rows: files of accepted rows, as `ingest.staging` writes them.
        refused: files of refused rows.
    """
    counts = Counts()
    if rows:
        counts.add(_commit_rows(transaction, job_id, provenance, read_staged(rows)))
    if refused:
        counts.refused = transaction.insert_select(
            schema.rejection,
            "select $job_id as job_id, * from staged",
            {"job_id": job_id},
            staged=read_staged(refused),
        )
    counts.read = counts.added + counts.duplicate + counts.refused
    return counts


def _commit_rows(
    transaction: Transaction, job_id: int, provenance: Provenance, staged: pa.Table
) -> Counts:
    transaction.register("staged", staged)
    transaction.make("arrived", load("ingest/arrived"))
    transaction.make("fresh", load("ingest/fresh"))
    added = transaction.insert_select(schema.sample, load("ingest/sample"))
    described = {
        "revision": provenance.revision,
        "uri": provenance.uri,
        "license": provenance.license,
    }
    if provenance.uri or provenance.license:
        transaction.connection.execute(DESCRIBE_SOURCES, described)
    transaction.insert_select(schema.source, load("ingest/source"), described)
    transaction.insert_select(
        schema.sample_source,
        load("ingest/appearance"),
        {"job_id": job_id, "revision": provenance.revision},
    )
    retired = transaction.value("select count(*) from arrived semi join retired using (sample_id)")
    return Counts(added=added, duplicate=staged.num_rows - added, retired=retired)


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
