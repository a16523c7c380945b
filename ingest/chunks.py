"""Staged blocks committed in chunks, in order, in a thread beside those that stage more.

A chunk is written by one thread of DuckDB; whoever waited for it would leave the other cores idle.
"""

from collections.abc import Sequence
from concurrent.futures import Executor, Future
from pathlib import Path
from time import monotonic

from catalog.jobs import Job
from catalog.store import Store
from ingest.accepted import ROWS_PER_BLOCK
from ingest.commit import Provenance, commit, look_up
from ingest.staging import Staged

COMMIT_ROWS = 140_000
"""Some row groups and what may be duplicates; see `ingest.commit`."""

COMMIT_BYTES = 160 << 20
"""Of raw rows: as much as a core compresses in a second."""

COMMIT_SECONDS = 30.0
"""After so long a chunk is committed that is not full."""


def fills_chunk(blocks: Sequence[Staged]) -> bool:
    """Tell whether these are as much as one transaction should hold."""
    rows = sum(block.rows for block in blocks)
    return rows >= COMMIT_ROWS or sum(block.size_bytes for block in blocks) >= COMMIT_BYTES


class Chunks:
    """Takes the blocks of a job, and commits them while others are staged.

    Args:
        store: to write to.
        job: is advanced with every chunk.
        folder: of the staged files.
        provenance: of the rows.
        thread: where chunks are committed, one at a time.
        keep: leave the files of accepted rows where they are, rather than delete them.

    Attributes:
        waiting: blocks of which something is not committed, in order.
    """

    def __init__(
        self,
        store: Store,
        job: Job,
        folder: str,
        provenance: Provenance,
        thread: Executor,
        *,
        keep: bool,
    ) -> None:
        self.waiting: list[Staged] = []
        self._store, self._job, self._folder = store, job, folder
        self._provenance, self._thread, self._keep = provenance, thread, keep
        self._chunk: list[Staged] = []
        self._committing: Future[int] | None = None
        self._since = monotonic()

    def add(self, staged: Staged) -> None:
        """Take a block; begin to commit if it is time, and wait if a second chunk is ready."""
        self.waiting.append(staged)
        if self._committing:
            more = self.waiting[len(self._chunk) :]
            if not (self._committing.done() or fills_chunk(more)):
                return
            self._settle()
        if fills_chunk(self.waiting) or monotonic() - self._since > COMMIT_SECONDS:
            self._begin()

    def finish(self) -> None:
        """Commit all that waits."""
        self._settle()
        while self.waiting:
            self._begin()
            self._settle()

    def _begin(self) -> None:
        self._chunk = [self.waiting[0]]
        for block in self.waiting[1:]:
            if fills_chunk(self._chunk):
                break
            self._chunk.append(block)
        self._committing = self._thread.submit(self._commit, self._chunk)

    def _settle(self) -> None:
        """Wait for the chunk that is being committed, and forget its blocks."""
        if not self._committing:
            return
        end = self._committing.result()
        self._committing = None
        self.waiting = [block for block in self.waiting if block.number >= end // ROWS_PER_BLOCK]
        self._since = monotonic()

    def _commit(self, chunk: Sequence[Staged]) -> int:
        """Commit a chunk, delete its staged files, and return the first row that was left out."""
        with self._store.read() as reader:
            found = look_up(reader, chunk, self._folder, self._job.checkpoint)
        with self._store.write("ingest", job_id=self._job.job_id) as transaction:
            counts, end = commit(
                transaction, self._job.job_id, self._provenance, chunk, self._folder, found
            )
            self._job.advance(transaction, end, counts)
        for block in chunk:
            if block.number >= end // ROWS_PER_BLOCK:
                break
            if block.reasons:
                Path(block.path(self._folder, "refused")).unlink()
            if block.accepted and not self._keep:
                Path(block.path(self._folder, "rows")).unlink()
        return end
