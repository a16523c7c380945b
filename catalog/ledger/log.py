"""The log itself: rows gathered in memory, written as segments."""

import atexit
import warnings
from collections.abc import Iterable, Mapping, Sequence
from operator import index
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any

import pyarrow as pa

from catalog.errors import InvalidInput
from catalog.ledger.folder import RunFolder
from catalog.ledger.segments import HASH_BYTES, SCHEMAS, TOLD, Columns, empty, encode, values

FLUSH_SECONDS = 10.0
FLUSH_ROWS = 500_000
"""Exposures that make a flush, whatever the time."""
HELD_ROWS = 2_000_000
"""Exposures kept in memory while the disk is full; then they are given up, and counted."""


class LedgerWarning(UserWarning):
    """What was shown to the model is not recorded: training goes on."""


class Ledger:
    """An append-only log of what one process of one training run is shown.

    ::

        with Ledger(".catalog", "tiny", snapshot="math@1") as ledger:
            for step, batch in enumerate(batches, 1):
                ledger.record(batch["content_hash"], step=step)
                train(batch)

    A step counts as applied once the next one begins, a checkpoint is noted, the block ends well,
    or `end_step` says so; else its samples were loaded, and no more is claimed.

    Args:
        place: a catalog's home, or a folder or URI (`s3://…`) that holds ledgers, one folder each.
        run: the run's name; one that was logged before goes on as its next attempt.
        rank: the data-parallel rank of this process. Copies by tensor or pipeline are no ranks.
        world_size: how many data-parallel ranks there are.
        snapshot: `name@version` it is trained on, or several.
        model: what is tuned.
        parent: the run whose model is tuned further.
        config: anything worth keeping about the run, as JSON.
        attempt: its number, where the processes have agreed on one; else the next.
        resumed: what `checkpoint` gave, if training goes on from there.
        flush_seconds: how much time a kill may cost.
        flush_steps: how many steps it may cost, if that is less.

    Raises:
        Conflict: the run is finished, or was begun with another snapshot, model or parent.
    """

    def __init__(
        self,
        place: str | Path,
        run: str,
        rank: int = 0,
        *,
        world_size: int = 1,
        snapshot: str | Sequence[str] | None = None,
        model: str | None = None,
        parent: str | None = None,
        config: Mapping[str, Any] | None = None,
        attempt: int | None = None,
        resumed: Mapping[str, Any] | None = None,
        flush_seconds: float = FLUSH_SECONDS,
        flush_steps: int | None = None,
    ) -> None:
        self.run, self.rank, self.world_size = run, index(rank), index(world_size)
        self._folder = RunFolder(place, run)
        snapshots = [snapshot] if isinstance(snapshot, str) else list(snapshot or [])
        about = {"snapshots": snapshots, "model": model, "parent": parent}
        self._folder.describe({**about, "config": dict(config or {})})
        self.attempt = self._folder.claim(self.rank, self.world_size, attempt, resumed)
        self._flush_seconds, self._flush_steps = flush_seconds, flush_steps
        self._columns: dict[str, Columns] = {kind: empty(kind) for kind in SCHEMAS}
        self._segment = self._micro_step = self._shown = 0
        self._step, self._open = -1, False
        self._flushed_at = monotonic()
        self._troubled = False
        atexit.register(self.flush)

    def record(
        self,
        content_hashes: Iterable[str | bytes],
        *,
        step: int,
        epoch: int = 0,
        **told: Sequence[Any],
    ) -> None:
        """Append the samples that a forward pass of training is given, in order.

        Several calls with one step are its micro-steps, counted from 0.

        Args:
            content_hashes: of the samples: 32 bytes each, or 64 hexadecimal digits.
            step: the optimizer step it belongs to, from 1; never less than the last one.
            epoch: the pass over the data, from 0.
            told: what is known beyond that, one value or None per sample, in lists, arrays or
                tensors: the names of `TOLD`, as `catalog/ledger/segments.py` explains them.

        Raises:
            InvalidInput: a hash is none, a name is unknown, a length differs or a step goes back.
        """
        hashes = [_hash(given) for given in content_hashes]
        count = len(hashes)
        known = {name: values(given) for name, given in told.items()}
        for name, given in known.items():
            if name not in TOLD or len(given) != count:
                raise InvalidInput(
                    f"{name!r} has {len(given)} values for {count} samples",
                    hint=f"One each, for any of: {', '.join(TOLD)}.",
                )
        self._enter(index(step))
        columns = self._columns["exposures"]
        columns["step"] += [self._step] * count
        columns["micro_step"] += [self._micro_step] * count
        columns["position"] += range(count)
        columns["epoch"] += [index(epoch)] * count
        columns["content_hash"] += hashes
        for name in TOLD:
            columns[name] += known.get(name) or [None] * count
        self._shown += count
        self._micro_step += 1
        self._flush_if_due()

    def _enter(self, step: int) -> None:
        """Begin a step, or go on with it; a new one ends the one before."""
        if step < 0 or step < self._step or (step == self._step and not self._open):
            raise InvalidInput(
                f"step {step} comes after step {self._step} of the run {self.run!r}",
                hint="An attempt goes forward; open a ledger anew when training is resumed.",
            )
        if step > self._step:
            if self._open:
                self.end_step(self._step)
            self._step, self._open, self._micro_step, self._shown = step, True, 0, 0

    def end_step(
        self,
        step: int,
        *,
        applied: bool = True,
        reason: str | None = None,
        digest: bytes | None = None,
    ) -> None:
        """Say that a step is over: whether it changed the model, and if not, why.

        Args:
            step: the step; one in which this rank was shown nothing can be ended too.
            applied: False if it was skipped, for an overflow say.
            reason: why it was skipped.
            digest: of the step's token ids and loss mask, for who wants to compare them later.
        """
        self._enter(index(step))
        columns = self._columns["steps"]
        told = (self._step, self._shown, bool(applied), reason, digest)
        for column, value in zip(columns.values(), told, strict=True):
            column.append(value)
        self._open = False
        self._flush_if_due()

    def checkpoint(self, step: int, path: str | Path | None = None) -> dict[str, Any]:
        """Note a checkpoint of the model as it is after a step, and flush.

        Returns:
            What the checkpoint should keep, to be given back as `resumed`.
        """
        if self._open:
            self.end_step(self._step)
        columns = self._columns["checkpoints"]
        columns["step"].append(index(step))
        columns["path"].append(None if path is None else str(path))
        self.flush()
        return {"run": self.run, "attempt": self.attempt, "step": index(step)}

    def drop(self, content_hashes: Iterable[str | bytes], reason: str) -> None:
        """Say that samples will not be shown to the model, and why: too long, say."""
        hashes = [_hash(given) for given in content_hashes]
        self._columns["dropped"]["content_hash"] += hashes
        self._columns["dropped"]["reason"] += [reason] * len(hashes)
        self._flush_if_due()

    def _flush_if_due(self) -> None:
        waited = monotonic() - self._flushed_at
        steps = len(self._columns["steps"]["step"])
        rows = len(self._columns["exposures"]["step"])
        if (
            waited > self._flush_seconds
            or (self._flush_steps and steps >= self._flush_steps)
            or (rows >= FLUSH_ROWS and not self._troubled)
        ):
            self.flush()

    def flush(self) -> None:
        """Put on disk what was recorded since the last time; what fails is tried again later."""
        self._flushed_at = monotonic()
        try:
            for kind, columns in self._columns.items():
                if any(columns.values()):
                    self._write(kind, columns)
            self._troubled = False
        except (OSError, pa.ArrowException) as error:
            if not self._troubled:
                rows = len(self._columns["exposures"]["step"])
                warnings.warn(
                    f"the ledger of {self.run!r} cannot be written, {rows:,} exposures up to step "
                    f"{self._step} wait in memory: {error}",
                    LedgerWarning,
                    stacklevel=3,
                )
            self._troubled = True
            self._give_up_beyond(HELD_ROWS, str(error))

    def _write(self, kind: str, columns: Columns) -> None:
        about = {"run": self.run, "attempt": str(self.attempt), "rank": str(self.rank)}
        name = f"{self.attempt:04d}-{self.rank:05d}-{self._segment:08d}.{kind}.arrow"
        self._folder.put(name, encode(kind, columns, about))
        self._segment += 1
        self._columns[kind] = empty(kind)

    def _give_up_beyond(self, rows: int, reason: str) -> None:
        """Let go of what memory should not hold, and keep account of it."""
        columns = self._columns["exposures"]
        if len(columns["step"]) <= rows or not columns["step"]:
            return
        first, last, count = columns["step"][0], columns["step"][-1], len(columns["step"])
        self._columns["exposures"] = empty("exposures")
        lost = self._columns["lost"]
        for column, value in zip(lost.values(), (first, last, count, reason), strict=True):
            column.append(value)
        warnings.warn(
            f"{count:,} exposures of {self.run!r}, steps {first} to {last}, are not recorded",
            LedgerWarning,
            stacklevel=4,
        )

    def close(self) -> None:
        """Flush for the last time; what cannot be written now is lost, and said to be."""
        self.flush()
        if self._troubled:
            self._give_up_beyond(0, "the ledger was closed")
        atexit.unregister(self.flush)

    def __enter__(self) -> "Ledger":
        """Use the ledger for a block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write what is left, also when training failed: it happened. A step cut short did not."""
        if self._open and error is None:
            self.end_step(self._step)
        self.close()


def _hash(given: str | bytes) -> bytes:
    try:
        found = bytes.fromhex(given) if isinstance(given, str) else memoryview(given).tobytes()
    except (ValueError, TypeError):
        found = b""
    if len(found) != HASH_BYTES:
        raise InvalidInput(
            f"{given!r} is no content hash",
            hint=f"One has {HASH_BYTES} bytes, or {2 * HASH_BYTES} hexadecimal digits.",
        )
    return found
