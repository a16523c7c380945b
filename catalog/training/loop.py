"""The ledger in a loop of one's own, of one process or of several."""

from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from catalog.errors import InvalidInput
from catalog.ledger import TOLD, Ledger, RunFolder
from catalog.training.carrying import KEY, unstacked
from catalog.training.processes import agreed, rank_and_world_size, say_flushed, wait_for_flushed

NAMELESS_REASON = "the data does not say which samples they are"


def open_ledger(place: str | Path, run: str, **about: Any) -> Ledger:  # noqa: ANN401
    """Open this process's part of a run's ledger; all that train together begin one attempt.

    Args:
        place: a catalog's home, or a folder or URI that holds ledgers.
        run: the run's name.
        about: whatever else `Ledger` takes. Rank and world size are those of `torch.distributed`,
            if it is in use, unless they are given: the data-parallel ones, where there are others.
    """
    rank, world_size = rank_and_world_size()
    if "attempt" not in about:
        about["attempt"] = agreed(lambda: RunFolder(place, run).next_attempt())
    about = {"rank": rank, "world_size": world_size, **about}
    return Ledger(place, run, **about)


def record(
    ledger: Ledger,
    batch: MutableMapping[str, Any],
    *,
    step: int,
    epoch: int = 0,
    **told: Any,  # noqa: ANN401
) -> None:
    """Record a batch, and take out of it what only the ledger needs.

    Args:
        ledger: of this process.
        batch: of a `LedgerCollator`, or columns as `Batches` gives them.
        step: the optimizer step it belongs to, from 1.
        epoch: the pass over the data, from 0.
        told: more of what `Ledger.record` takes, one value per sample.

    Raises:
        InvalidInput: the batch does not say which samples it holds.
    """
    if KEY in batch:
        carried = unstacked(batch.pop(KEY).cpu().numpy())
        ledger.record(carried.content_hashes, step=step, epoch=epoch, **carried.told | told)
        if carried.nameless:
            ledger.miss(carried.nameless, step=step, reason=NAMELESS_REASON)
        return
    if "content_hash" not in batch:
        raise InvalidInput(
            f"the batch says nowhere which samples it holds: {', '.join(batch)}",
            hint="Make batches with `LedgerCollator`, or keep their `content_hash`.",
        )
    hashes = batch.pop("content_hash")
    position = batch.pop("position", None)
    known = {name: batch.pop(name) for name in TOLD if name in batch}
    if position is not None:
        known.setdefault("dataset_position", position)
    ledger.record(hashes, step=step, epoch=epoch, **known | told)


def checkpoint(ledger: Ledger, step: int, path: str | Path | None = None) -> Mapping[str, Any]:
    """Note a checkpoint, once the ledgers of all processes are on disk up to it.

    Call it in every process before the checkpoint is written, and keep in it what this returns: it
    is `resumed` of the ledger that goes on from there.

    Args:
        ledger: of this process.
        step: the optimizer step that was the last.
        path: where the checkpoint will be.
    """
    if ledger.rank == 0:
        state = ledger.checkpoint(step, path)
    else:
        ledger.end_if_open()
        ledger.flush()
        state = {"run": ledger.run, "attempt": ledger.attempt, "step": step}
    say_flushed(ledger.run, ledger.attempt, step)
    wait_for_flushed(ledger.run, ledger.attempt, step)
    return state
