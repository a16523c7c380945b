"""Training with a ledger: data sets that know identities, and what carries them into the loop."""

from catalog.training.dataset import Example, SnapshotDataset

__all__ = ["Example", "SnapshotDataset"]
