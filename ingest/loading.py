"""The ingest job: read, normalize, deduplicate, insert. Killed anywhere, run again, it goes on."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from catalog.api import Catalog
from catalog.errors import CatalogError, InvalidInput, RefusedRows, UnreadableInput
from catalog.jobs import Counts, Job, job
from catalog.progress import Progress, Tick, silent
from catalog.sql import load as load_query
from catalog.store import Store
from ingest import readers
from ingest.accepted import ROWS_PER_BLOCK
from ingest.chunks import Chunks
from ingest.commit import Provenance, retire_unseen
from ingest.folders import check_disk, staging_folder
from ingest.formats import FormatName
from ingest.inputs import Input, find, recognise_format
from ingest.staging import Plan, Staged, describe_refusal
from ingest.tables import BATCH_ROWS
from ingest.workers import Stagers, Work

MAX_ROW_BYTES = 16 << 20
DEFAULT_REVISION = "main"
CHECKPOINTS = "the ordinal of the first row to commit, rows in the order of their file"
"""What a checkpoint of this job means; a job left by other software begins anew."""

Recognised = Counter[tuple[str, bool]]
"""How many inputs have each format, and whether their first rows show it."""


@dataclass(frozen=True)
class IngestReport:
    """What an ingest did.

    Attributes:
        job_id: the job that did it.
        counts: rows read = added + duplicate + refused; `retired` of the duplicates stay retired.
        reasons: how many rows were refused, by reason.
        appended: sources that were there before and got more, with how many appearances.
        withdrawn: samples retired because a replaced source no longer holds them.
        resumed: whether an earlier, unfinished job was continued.
    """

    job_id: int
    counts: Counts
    reasons: dict[str, int]
    appended: dict[str, int]
    withdrawn: int
    resumed: bool


def load(
    catalog: Catalog,
    paths: str | Path | Sequence[str | Path],
    *,
    source: str | None = None,
    revision: str = DEFAULT_REVISION,
    license: str | None = None,
    uri: str | None = None,
    format: str = "auto",
    replace: bool = False,
    strict: bool = False,
    max_row_bytes: int = MAX_ROW_BYTES,
    progress: Progress = silent,
    announce: Callable[[Recognised], None] = lambda recognised: None,
) -> IngestReport:
    """Take samples into the pool.

    Args:
        catalog: the catalog to fill.
        paths: files, folders, data sets saved by `datasets`, or `hf://owner/name[:split]`.
        source: the source of all rows; without it each row's `dataset` names its own.
        revision: of the source.
        license: of the source, as its publisher names it.
        uri: where the source can be had.
        format: one of `ingest.formats.FORMAT_NAMES`, or `auto` to recognise each file's.
        replace: retire the samples that the source no longer holds.
        strict: add nothing if any row is refused.
        max_row_bytes: refuse larger rows.
        progress: is told how far the job is.
        announce: is told which formats were recognised, before the work begins.

    Raises:
        UnreadableInput: a file is missing or damaged; what came before it is kept.
        RefusedRows: in a strict job, a row was refused.
        InvalidInput: an argument cannot be used, or a replacement holds no sample at all.
    """
    _check_names(source=source, revision=revision, license=license, uri=uri)
    given = [paths] if isinstance(paths, str | Path) else paths
    inputs = find([str(path) for path in given])
    formats = {place.path: recognise_format(place, format, max_row_bytes) for place in inputs}
    announce(Counter(formats.values()))
    parameters = {
        "paths": [place.path for place in inputs],
        "source": source,
        "revision": revision,
        "license": license,
        "uri": uri,
        "format": format,
        "replace": replace,
        "strict": strict,
        "max_row_bytes": max_row_bytes,
    }
    stamps = [CHECKPOINTS, readers.BLOCK_BYTES, BATCH_ROWS, *(place.stamp for place in inputs)]
    with (
        job(catalog.home, "ingest", parameters, stamps) as running,
        staging_folder(catalog.home, running.job_id) as folder,
    ):
        check_disk(inputs, folder)
        names = {path: name for path, (name, _) in formats.items()}
        plan = Plan(str(folder), source, max_row_bytes)
        provenance = Provenance(revision, uri, license)
        store = Store(catalog.home)
        with ThreadPoolExecutor(
            1
        ) as thread:  # at an error, a chunk that is being committed still is
            chunks = Chunks(store, running, str(folder), provenance, thread, keep=replace)
            ingest = _Ingest(store, running, plan, provenance, chunks, strict, replace, progress)
            ingest.run(inputs, names)
        return ingest.report()


def _check_names(**names: str | None) -> None:
    for what, name in names.items():
        if name is not None and not (name.strip() and name.isprintable()):
            raise InvalidInput(
                f"the {what} {name!r} is empty or holds control characters",
                hint=f"Give another {what}, or leave it out.",
            )


@dataclass
class _Ingest:
    """The job itself: blocks are staged side by side and committed in order."""

    store: Store
    job: Job
    plan: Plan
    provenance: Provenance
    chunks: Chunks
    strict: bool
    replace: bool
    progress: Progress
    strictly: list[Staged] = field(default_factory=list)  # of a strict job, till all are good
    kept: list[Staged] = field(default_factory=list)
    failure: CatalogError | None = None
    rows: int = 0
    done_bytes: int = 0
    withdrawn: int = 0
    resumed_at: int = 0  # the first block of which something was left to do

    def run(self, inputs: Sequence[Input], formats: dict[str, FormatName]) -> None:
        """Read everything, commit it in chunks, and finish the job."""
        self.resumed_at = self.job.checkpoint // ROWS_PER_BLOCK
        total = sum(place.size_bytes for place in inputs)
        with Stagers(self.plan, total) as stagers:
            try:
                for staged in stagers.run(self.work(inputs, formats)):
                    self.take(staged)
                    done = min(self.done_bytes / total, 1.0) if total else None
                    self.progress(Tick("ingest", done, {"rows": self.rows}))
            except UnreadableInput as error:  # a file that changed before its rows were read
                self.failure = error
        self.refuse_if_strict()
        for staged in self.strictly:
            self.chunks.add(staged)
        self.chunks.finish()
        if self.failure:
            raise self.failure
        if self.replace and not self.kept:
            raise InvalidInput(
                "no row of the input was taken in, so replacing would retire the whole source",
                hint="Is it the right file? Nothing was retired.",
            )
        with self.store.write("ingest", job_id=self.job.job_id) as transaction:
            if self.replace:
                seen = [block.path(self.plan.folder, "rows") for block in self.kept]
                self.withdrawn = retire_unseen(transaction, self.provenance, seen)
            self.job.finish(transaction)

    def work(self, inputs: Sequence[Input], formats: dict[str, FormatName]) -> Iterator[Work]:
        """Give the blocks not yet committed; a damaged input ends them, and spares those before."""
        number = finished_bytes = 0
        try:
            for place in inputs:
                for block in place.blocks(self.plan.max_row_bytes):
                    number += 1
                    self.done_bytes = finished_bytes + block.read_bytes
                    if number >= self.resumed_at or self.replace:
                        yield number, formats[place.path], block
                finished_bytes += place.size_bytes
        except CatalogError as error:
            self.failure = error

    def take(self, staged: Staged) -> None:
        """Hand on a staged block; a strict job's wait until all are there."""
        self.rows += staged.rows
        if self.replace and staged.accepted:
            self.kept.append(staged)
        if staged.number < self.resumed_at:
            return
        if self.strict:
            self.strictly.append(staged)
        else:
            self.chunks.add(staged)

    def refuse_if_strict(self) -> None:
        """Stop a strict job that refused a row or an input, before anything is written."""
        if self.strict and self.failure:
            raise self.failure
        reasons: Counter[str] = sum((block.reasons for block in self.strictly), Counter())
        if not (self.strict and reasons):
            return
        first = [refusal for block in self.strictly for refusal in block.first_refusals][:3]
        raise RefusedRows(
            f"{reasons.total()} rows were refused, so nothing was added: "
            + "; ".join(map(describe_refusal, first)),
            hint="Mend them, or leave --strict out to take the rest and have these counted.",
        )

    def report(self) -> IngestReport:
        """Sum up, from what is stored."""
        with self.store.read() as reader:
            params = {"job_id": self.job.job_id}
            reasons = reader.rows(load_query("ingest/reasons"), **params)
            appended = reader.rows(load_query("ingest/appended"), **params)
        return IngestReport(
            self.job.job_id,
            self.job.counts,
            {row["reason"]: row["rows"] for row in reasons},
            {row["source"]: row["appearances"] for row in appended},
            self.withdrawn,
            self.job.resumed,
        )
