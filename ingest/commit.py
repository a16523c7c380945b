"""Staged rows into the pool: one short transaction per chunk, its checkpoint inside."""

from collections.abc import Sequence
from dataclasses import dataclass

from catalog import schema
from catalog.jobs import Counts
from catalog.sql import load
from catalog.store import Transaction

NAME_SAMPLES = """
update arrived
set sample_id = fresh.sample_id
from fresh
where arrived.sample_id is null and fresh.content_hash = arrived.content_hash
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
        rows: Parquet files of accepted rows, as `ingest.staging` writes them.
        refused: Parquet files of refused rows.
    """
    counts = Counts()
    if rows:
        counts.add(_commit_rows(transaction, job_id, provenance, list(rows)))
    if refused:
        counts.refused = transaction.insert_select(
            schema.rejection,
            "select $job_id as job_id, * from read_parquet($paths)",
            {"job_id": job_id, "paths": list(refused)},
        )
    counts.read = counts.added + counts.duplicate + counts.refused
    return counts


def _commit_rows(
    transaction: Transaction,
    job_id: int,
    provenance: Provenance,
    paths: list[str],
) -> Counts:
    transaction.make("arrived", load("ingest/arrived"), paths=paths)
    transaction.make("fresh", load("ingest/fresh"))
    added = transaction.insert_select(schema.sample, load("ingest/sample"), {"paths": paths})
    transaction.connection.execute(NAME_SAMPLES)
    origin = {
        "paths": paths,
        "revision": provenance.revision,
        "uri": provenance.uri,
        "license": provenance.license,
    }
    transaction.insert_select(schema.source, load("ingest/source"), origin)
    transaction.insert_select(
        schema.sample_source,
        load("ingest/appearance"),
        {"paths": paths, "job_id": job_id, "revision": provenance.revision},
    )
    total = transaction.value("select count(*) from arrived")
    retired = transaction.value("select count(*) from arrived semi join retired using (sample_id)")
    return Counts(added=added, duplicate=total - added, retired=retired)


def retire_unseen(transaction: Transaction, provenance: Provenance, seen: Sequence[str]) -> int:
    """Retire the samples of the sources read that no row read holds, and return how many.

    Args:
        transaction: to write in.
        provenance: tells the revision.
        seen: Parquet files with the `source` and `content_hash` of every row read.
    """
    params = {"revision": provenance.revision, "seen": list(seen)}
    return transaction.insert_select(schema.retirement, load("ingest/unseen"), params)
