"""Training with a ledger: data sets that know identities, and what carries them into the loop.

What is named here is imported when it is asked for: torch, transformers and TRL only where used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from catalog.training.batches import Batches
    from catalog.training.callback import LedgerCallback
    from catalog.training.collating import LedgerCollator
    from catalog.training.dataset import Example, SnapshotDataset
    from catalog.training.encoding import Encoder
    from catalog.training.identity import Identity, identity_of
    from catalog.training.loop import checkpoint, open_ledger, record
    from catalog.training.order import Order

__all__ = [
    "Batches",
    "Encoder",
    "Example",
    "Identity",
    "LedgerCallback",
    "LedgerCollator",
    "Order",
    "SnapshotDataset",
    "checkpoint",
    "identity_of",
    "open_ledger",
    "record",
]
ROOMS = {
    "Batches": "batches",
    "Encoder": "encoding",
    "Example": "dataset",
    "Identity": "identity",
    "LedgerCallback": "callback",
    "LedgerCollator": "collating",
    "Order": "order",
    "SnapshotDataset": "dataset",
    "checkpoint": "loop",
    "identity_of": "identity",
    "open_ledger": "loop",
    "record": "loop",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Import what is asked for."""
    if name not in ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{ROOMS[name]}"), name)
