"""Several processes of one training run: who they are, what they agree on, and who waits."""

import time
import warnings
from collections.abc import Callable

import torch.distributed as dist

from catalog.errors import CatalogError
from catalog.ledger import LedgerWarning

WAIT_SECONDS = 120.0
"""How long a checkpoint waits for the ledgers of other processes; then it is written anyway."""
LOOK_SECONDS = 0.002


def running() -> bool:
    """Tell whether this process trains together with others."""
    return dist.is_available() and dist.is_initialized()


def rank_and_world_size() -> tuple[int, int]:
    """Return the rank of this process and how many there are; 0 and 1 where it is alone."""
    return (dist.get_rank(), dist.get_world_size()) if running() else (0, 1)


def agreed(choose: Callable[[], int]) -> int:
    """Let the first process choose a number, and return it in every one.

    Raises:
        CatalogError: it could not choose; every process hears why, and none waits for ever.
    """
    if not running():
        return choose()
    told: list[int | CatalogError | None] = [None]
    if dist.get_rank() == 0:
        try:
            told = [choose()]
        except CatalogError as error:
            told = [CatalogError(error.message, hint=error.hint)]
    dist.broadcast_object_list(told, src=0)
    if isinstance(told[0], CatalogError):
        raise told[0]
    assert told[0] is not None
    return told[0]


def say_flushed(run: str, attempt: int, step: int) -> None:
    """Tell the others that this process's ledger is on disk up to a step."""
    if running():
        dist.distributed_c10d._get_default_store().set(
            _key(run, attempt, step, dist.get_rank()), "flushed"
        )


def wait_for_flushed(run: str, attempt: int, step: int) -> None:
    """Wait until every process has said so, and warn of those that do not.

    Through the store that the processes met at, not by a barrier: one that saves when others do
    not must not hang.
    """
    if not running():
        return
    store = dist.distributed_c10d._get_default_store()
    missing = list(range(dist.get_world_size()))
    until = time.monotonic() + WAIT_SECONDS
    while missing:
        missing = [rank for rank in missing if not store.check([_key(run, attempt, step, rank)])]
        if missing and time.monotonic() > until:
            warnings.warn(
                f"the ledgers of ranks {missing} of {run!r} may lack step {step}, of which a "
                "checkpoint is written",
                LedgerWarning,
                stacklevel=2,
            )
            return
        if missing:
            time.sleep(LOOK_SECONDS)


def _key(run: str, attempt: int, step: int, rank: int) -> str:
    return f"catalog/{run}/{attempt}/{step}/{rank}"
