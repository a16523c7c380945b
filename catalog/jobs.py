"""Jobs: long work that is recorded, can be killed at any moment, and goes on where it was.

A job is known by its kind and its fingerprint: what it was asked to do, to which inputs. Asked for
again while unfinished and dead, it continues as the same job from its checkpoint.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from catalog.errors import CatalogError, HomeBusy
from catalog.home import Home
from catalog.store import Store, Transaction

ASKING_SECONDS = 0.2
"""How long a lock may be held by those who only ask whether a job is alive."""


@dataclass
class Counts:
    """What became of the rows of a job so far; read = added + duplicate + refused."""

    read: int = 0
    added: int = 0
    duplicate: int = 0
    refused: int = 0
    retired: int = 0

    def add(self, other: "Counts") -> None:
        """Add another count to this one."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))

    def columns(self) -> dict[str, int]:
        """Return the counts under the names of the columns of `job`."""
        return {f"rows_{field.name}": getattr(self, field.name) for field in fields(self)}


@dataclass
class Job:
    """One execution of an ingest, embed, …; `checkpoint` counts the steps that are committed."""

    job_id: int
    kind: str
    resumed: bool
    checkpoint: int
    counts: Counts

    def advance(self, transaction: Transaction, checkpoint: int, counts: Counts) -> None:
        """Move the checkpoint and the counts, in the transaction that writes the work itself."""
        self.checkpoint = checkpoint
        self.counts.add(counts)
        self._update(transaction, checkpoint=checkpoint, **self.counts.columns())

    def finish(self, transaction: Transaction) -> None:
        """Mark the job done, in the transaction that writes its last work."""
        self._update(transaction, status="finished", error=None, finished_at=datetime.now(UTC))

    def stop(self, transaction: Transaction, status: str, error: str) -> None:
        """Mark the job `failed` or `interrupted`."""
        self._update(transaction, status=status, error=error, finished_at=datetime.now(UTC))

    def _update(self, transaction: Transaction, **values: object) -> None:
        from sqlalchemy import update

        from catalog.schema import job

        transaction.run(update(job).where(job.c.job_id == self.job_id).values(**values))


def software_version() -> str:
    """Return the version of this library that is running."""
    try:
        return version("instruct-catalog")
    except PackageNotFoundError:
        return "unknown"


def fingerprint(parameters: Mapping[str, Any], inputs: object) -> str:
    """Return what makes two requests the same job."""
    text = json.dumps([parameters, inputs], sort_keys=True, default=str)
    return sha256(text.encode()).hexdigest()


def is_alive(home: Home, job_id: int) -> bool:
    """Tell whether a process is working on this job."""
    return not home.lock(f"job-{job_id}").is_free()


@contextmanager
def job(home: Home, kind: str, parameters: Mapping[str, Any], inputs: object) -> Iterator[Job]:
    """Work on a job: begin it, or go on with it if it was left unfinished.

    The block must call `Job.finish`. An error marks the job failed, an interrupt interrupted;
    a killed process leaves it running, and the next process to look finds nobody working on it.
    """
    with ExitStack() as held:
        begun = _begin(home, kind, parameters, fingerprint(parameters, inputs), held)
        try:
            yield begun
        except BaseException as error:
            stopped = not isinstance(error, Exception)
            message = "interrupted" if stopped else str(getattr(error, "message", repr(error)))
            # The error that ended the job matters more than one about recording it.
            try:
                with Store(home).write(kind, job_id=begun.job_id) as transaction:
                    begun.stop(transaction, "interrupted" if stopped else "failed", message)
            except CatalogError as second:
                error.add_note(f"and the job could not be marked: {second.message}")
            raise


def _begin(home: Home, kind: str, parameters: Mapping[str, Any], mark: str, held: ExitStack) -> Job:
    """Find or make the job's row, and hold its lock so that others see it is worked on."""
    from sqlalchemy import insert, update

    from catalog import schema

    with Store(home).write(kind) as transaction:
        left = transaction.rows(
            "select * from job where kind = $kind and fingerprint = $mark "
            "and status != 'finished' order by job_id",
            kind=kind,
            mark=mark,
        )
        for row in left:
            if _hold(home, row["job_id"], held):
                transaction.run(
                    update(schema.job)
                    .where(schema.job.c.job_id == row["job_id"])
                    .values(status="running", error=None, finished_at=None)
                )
                counts = Counts(**{f.name: row[f"rows_{f.name}"] for f in fields(Counts)})
                return Job(row["job_id"], kind, True, row["checkpoint"], counts)
        begun = Job(transaction.next_id(schema.job), kind, False, 0, Counts())
        _hold(home, begun.job_id, held)
        transaction.run(
            insert(schema.job).values(
                job_id=begun.job_id,
                kind=kind,
                fingerprint=mark,
                parameters=dict(parameters),
                status="running",
                checkpoint=0,
                **begun.counts.columns(),
                started_at=datetime.now(UTC),
                software_version=software_version(),
                change_id=transaction.change_id,
            )
        )
        return begun


def _hold(home: Home, job_id: int, held: ExitStack) -> bool:
    lock = home.lock(f"job-{job_id}")
    try:
        held.enter_context(lock.held(exclusive=True, timeout_seconds=ASKING_SECONDS))
    except HomeBusy:
        return False
    return True


def overview(home: Home) -> list[dict[str, Any]]:
    """Return every job, newest first; one that nobody works on any more is `interrupted`."""
    from catalog.sql import load

    with Store(home).read() as reader:
        found = reader.rows(load("show/jobs"))
    for row in found:
        row["parameters"] = json.loads(row["parameters"])
        if row["status"] == "running" and not is_alive(home, row["job_id"]):
            row["status"] = "interrupted"
            row["error"] = "its process ended before it was done; run the same command again"
    return found
