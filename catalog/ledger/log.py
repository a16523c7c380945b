"""The log itself: rows gathered in memory, written as segments."""

import atexit
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from math import inf
from operator import index
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

from catalog.errors import Conflict, InvalidInput
from catalog.ledger.folder import RunFolder
from catalog.ledger.outbox import Outbox, lost_row
from catalog.ledger.segments import Columns, checked, content_hash, plain_text

FLUSH_SECONDS = 10.0
AT_ONCE_SECONDS = 0.01
"""Less than this is written before a call returns: no thread should wake so often."""


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

    One thread of one process records. What it records is written by a thread in the background, so
    that `flush_seconds` hold also while training does something else. Where nothing can be written,
    training goes on: rows wait in memory, and a `LedgerWarning` says so, and what is lost at last.

    Args:
        place: a catalog's home, or a folder or URI (`s3://…`) that holds ledgers, one folder each.
        run: the run's name; one that was logged before goes on as its next attempt.
        rank: the data-parallel rank of this process. Copies by tensor or pipeline are no ranks.
        world_size: how many data-parallel ranks there are; untold, none can be found missing.
        snapshot: `name@version` it is trained on, or several.
        model: what is tuned.
        parent: the run whose model is tuned further.
        config: anything worth keeping about the run, as JSON.
        attempt: its number, where the processes have agreed on one, as they must if one may be
            killed before it got here; else the next.
        resumed: what `checkpoint` gave, if training goes on from there.
        flush_seconds: how much time a kill may cost; 0 writes before each call returns.
        flush_steps: how many steps it may cost, if that is less.

    Raises:
        Conflict: the run is finished, or was begun with another snapshot, model or parent.
        InvalidInput: an argument cannot be used, or nothing can be written there.
    """

    def __init__(
        self,
        place: str | Path,
        run: str,
        rank: int = 0,
        *,
        world_size: int | None = None,
        snapshot: str | Sequence[str] | None = None,
        model: str | None = None,
        parent: str | None = None,
        config: Mapping[str, Any] | None = None,
        attempt: int | None = None,
        resumed: Mapping[str, Any] | None = None,
        flush_seconds: float = FLUSH_SECONDS,
        flush_steps: int | None = None,
    ) -> None:
        _require(world_size is None or world_size > 0, "world_size", world_size, "1 or more")
        _require(0 <= index(rank) < (world_size or inf), "rank", rank, "below the world size")
        _require(attempt is None or index(attempt) >= 0, "attempt", attempt, "0 or more")
        _require(flush_seconds >= 0, "flush_seconds", flush_seconds, "0 or more")
        _require(flush_steps is None or flush_steps > 0, "flush_steps", flush_steps, "1 or more")
        self.run, self.rank, self.world_size = run, index(rank), world_size
        folder = RunFolder(place, run)
        snapshots = [snapshot] if isinstance(snapshot, str) else list(snapshot or [])
        about: dict[str, Any] = {"snapshots": snapshots, "model": model, "parent": parent}
        about["config"] = dict(config or {})
        folder.describe(about)
        self.attempt = folder.claim(self.rank, world_size, attempt, resumed, about)
        whose = {"run": run, "attempt": str(self.attempt), "rank": str(self.rank)}
        self._at_once, self._flush_steps = flush_seconds < AT_ONCE_SECONDS, flush_steps
        self._outbox = Outbox(folder, whose, inf if self._at_once else flush_seconds)
        self._step = index(resumed["step"]) if resumed else 0
        self._open = self._closed = self._missed = False
        self._micro_step = self._shown = self._unflushed_steps = 0
        self._process = os.getpid()
        atexit.register(self.close)

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
            InvalidInput: a hash is none, a name is unknown, a value or length does not fit, or the
                step goes back. Nothing of the call is kept then.
            Conflict: the ledger is closed, or another process's.
        """
        hashes = [content_hash(given) for given in content_hashes]
        known = {name: checked(name, given, len(hashes)) for name, given in told.items()}
        epochs = [index(epoch)] * len(hashes)
        self._enter(index(step))
        if hashes:
            whole = {
                "step": [self._step] * len(hashes),
                "micro_step": [self._micro_step] * len(hashes),
                "position": range(len(hashes)),
                "epoch": epochs,
                "content_hash": hashes,
            }
            self._outbox.put("exposures", whole | known)
        self._shown += len(hashes)
        self._micro_step += 1
        self._after()

    def _enter(self, step: int) -> None:
        """Begin a step, or go on with it; a new one ends the one before."""
        self._require_usable()
        if step < self._step or (step == self._step and not self._open):
            raise InvalidInput(
                f"step {step} comes after step {self._step} of the run {self.run!r}",
                hint="Steps count from 1 and go forward; open the ledger anew to go on from a "
                "checkpoint, with what `checkpoint` gave as `resumed`.",
            )
        if step > self._step:
            self.end_if_open()
            self._step, self._open, self._micro_step, self._shown = step, True, 0, 0

    def miss(self, exposures: int, *, step: int, reason: str) -> None:
        """Say that the model was shown samples of which nobody knows which they are, and why.

        Their step counts as not recorded then. The first time is warned of.

        Args:
            exposures: how many.
            step: the optimizer step they belong to; it may be used, and raises, as in `record`.
            reason: why nobody knows.
        """
        self._enter(index(step))
        self._outbox.put("lost", lost_row(self._step, self._step, index(exposures), reason))
        if not self._missed:
            self._outbox.news.append(f"lacks {exposures:,} exposures of step {step}: {reason}")
        self._missed = True
        self._after()

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
        row: Columns = {
            "step": [self._step],
            "exposures": [self._shown],
            "applied": [bool(applied)],
            "reason": [reason and plain_text(reason)],
            "digest": [digest and bytes(digest)],
        }
        self._outbox.put("steps", row)
        self._open = False
        self._unflushed_steps += 1
        self._after()

    def end_if_open(self) -> None:
        """Count the step that goes on, if one does, as applied."""
        if self._open:
            self.end_step(self._step)

    def checkpoint(self, step: int, path: str | Path | None = None) -> dict[str, Any]:
        """Note a checkpoint of the model as it is after a step, and flush.

        Returns:
            What the checkpoint should keep, to be given back as `resumed`.
        """
        self._require_usable()
        step = index(step)
        if step >= self._step:
            self.end_if_open()
        self._outbox.put(
            "checkpoints", {"step": [step], "path": [None if path is None else plain_text(path)]}
        )
        self.flush()
        return {"run": self.run, "attempt": self.attempt, "step": step}

    def drop(self, content_hashes: Iterable[str | bytes], reason: str) -> None:
        """Say that samples will not be shown to the model, and why: too long, say."""
        self._require_usable()
        hashes = [content_hash(given) for given in content_hashes]
        if hashes:
            reasons = [plain_text(reason)] * len(hashes)
            self._outbox.put("dropped", {"content_hash": hashes, "reason": reasons})
        self._after()

    def _after(self) -> None:
        steps = self._unflushed_steps
        if self._at_once or (self._flush_steps and steps >= self._flush_steps):
            self.flush()
        elif self._outbox.news:
            self._warn()

    def flush(self) -> None:
        """Put on disk what was recorded since the last time; what fails is tried again later."""
        if os.getpid() == self._process:
            self._unflushed_steps = 0
            self._outbox.flush()
            self._warn()

    def close(self) -> None:
        """Flush for the last time; what cannot be written now is lost, and said to be."""
        if not self._closed and os.getpid() == self._process:
            self._closed = True
            self._outbox.flush(last=True)
            atexit.unregister(self.close)
            self._warn()

    def _warn(self) -> None:
        while self._outbox.news:
            text = f"the ledger of {self.run!r} {self._outbox.news.popleft()}"
            warnings.warn(text, LedgerWarning, stacklevel=4)

    def _require_usable(self) -> None:
        if self._closed:
            raise Conflict(
                f"the ledger of {self.run!r} is closed",
                hint="What is trained after that is another attempt: open the ledger anew.",
            )
        if os.getpid() != self._process:
            raise Conflict(
                f"the ledger of {self.run!r} is held by process {self._process}, "
                f"and this is process {os.getpid()}",
                hint="Record where the model is trained, not in a worker that loads its data.",
            )

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: a ledger is held by one process."""
        raise TypeError(
            f"the ledger of {self.run!r} cannot be pickled: it is held by process {self._process}; "
            "record where the model is trained, not in a worker that loads its data"
        )

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
        if error is None and not self._closed and os.getpid() == self._process:
            self.end_if_open()
        self.close()


def _require(valid: bool, name: str, given: object, wanted: str) -> None:
    if not valid:
        raise InvalidInput(f"{name}={given!r} cannot be used", hint=f"It is {wanted}.")
