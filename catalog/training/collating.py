"""A collator around a collator: it takes identity out of the items and puts it into the batch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from catalog.training.carrying import EMPTY, HASH_WORDS, KEY, TOLD, UNKNOWN, Words, alone, stacked
from catalog.training.identity import Identity

IGNORED = -100
ITEM_FIELDS = {
    "position": "dataset_position",
    "dataset_position": "dataset_position",
    "truncated_tokens": "truncated_tokens",
    "sample_start": "sample_start",
    "repeated": "repeated",
}
"""What an item may say of itself beyond its identity, and what it is called in the ledger."""

Collate = Callable[[list[dict[str, Any]]], Any]


class LedgerCollator:
    """Make batches with another collator, and add to each which samples it holds.

    The batch's key `catalog_ledger` is an int64 tensor of shape (rows, samples in a row, words),
    made of hash, position, span and token counts. `catalog.training.record` takes it out again;
    with a Trainer, `LedgerCallback.attach` sees to both.

    Args:
        inner: the collator that makes the rest of the batch.
        identity: tells which sample an item is; or the name of the column that does.
        shifted: the loss of a token is that of the one before it, as in every causal model.
    """

    def __init__(
        self, inner: Collate, identity: Identity | str = "content_hash", *, shifted: bool = True
    ) -> None:
        self.inner = inner
        self.identity = Identity(identity) if isinstance(identity, str) else identity
        self.shifted = shifted
        self.columns = frozenset((KEY, *ITEM_FIELDS, *self.identity.columns))

    def __call__(self, items: Sequence[Mapping[str, Any]]) -> Any:  # noqa: ANN401
        """Return the batch of the inner collator, with the key added if any item is known."""
        carried = self._carried(items)
        columns = self.columns
        kept = [{k: v for k, v in item.items() if k not in columns} for item in items]
        lengths = [len(item["input_ids"]) if "input_ids" in item else None for item in kept]
        batch = self.inner(kept)
        if carried is not None:
            _place(carried, batch, lengths, shifted=self.shifted)
            batch[KEY] = torch.from_numpy(carried)
        return batch

    def _carried(self, items: Sequence[Mapping[str, Any]]) -> Words | None:
        """Return what is known of the items: of each, or of what is packed into it."""
        if any(KEY in item for item in items):
            return stacked([item.get(KEY) or [] for item in items])
        known = [self.identity(item) for item in items]
        if all(content_hash is None for content_hash in known):
            return None
        told = {}
        for field, name in ITEM_FIELDS.items():
            if field in items[0]:
                told[name] = [item.get(field) for item in items]
        return alone(known, told)


def _place(
    carried: Words, batch: Mapping[str, Any], lengths: Sequence[int | None], *, shifted: bool
) -> None:
    """Fill in where each sample lies in the batch, and how many of its tokens have a loss.

    Args:
        carried: shape (rows, samples, words); changed in place.
        batch: as the model gets it.
        lengths: tokens of each item; None where only the batch can tell.
        shifted: whether the first token of a row can have no loss.
    """
    mask, ids = _matrix(batch.get("attention_mask")), _matrix(batch.get("input_ids"))
    tokens = _lengths(lengths, mask, ids)
    if tokens is None:
        return
    flat = ids is not None and len(ids) == 1 and len(carried) > 1
    begun = np.zeros(len(carried), np.int64)
    if flat:
        begun[1:] = np.cumsum(tokens)[:-1]
    elif mask is not None and len(mask) == len(carried) and not mask[:, 0].all():
        begun = (mask != 0).argmax(axis=1)  # what is padded on the left begins later
    learned = _learned(batch, ids, shifted=shifted)
    samples = {name: carried[:, :, HASH_WORDS + place] for place, name in enumerate(TOLD)}
    if carried.shape[1] == 1 and not flat and (samples["tokens"] == UNKNOWN).all():
        # The usual case, one sample in a row, is left as cheap as it is.
        samples["tokens"][:, 0], samples["row_start"][:, 0] = tokens, begun
        if learned is not None:
            samples["loss_tokens"][:, 0] = learned.sum(axis=1)
        return
    there = samples["repeated"] > EMPTY
    if flat:
        samples["batch_row"][there] = 0
    unpacked = there & (samples["tokens"] == UNKNOWN)  # what is packed says it itself
    samples["tokens"][:] = np.where(unpacked, tokens[:, None], samples["tokens"])
    start = np.where(unpacked, 0, samples["row_start"]) + begun[:, None]
    samples["row_start"][there] = start[there]
    if learned is not None:
        row = np.zeros_like(begun) if flat else np.arange(len(carried))
        before = np.zeros((len(learned), learned.shape[1] + 1), np.int64)
        np.cumsum(learned, axis=1, out=before[:, 1:])
        start, end = np.where(there, (start, start + samples["tokens"]), 0)
        counted = before[row[:, None], end] - before[row[:, None], start]
        samples["loss_tokens"][there] = counted[there]


def _lengths(
    given: Sequence[int | None],
    mask: npt.NDArray[Any] | None,
    ids: npt.NDArray[Any] | None,
) -> npt.NDArray[np.int64] | None:
    """Return the tokens of each item, shape (items,); None where nothing tells."""
    if mask is not None and len(mask) == len(given):
        return np.asarray((mask != 0).sum(axis=1), np.int64)
    if all(length is not None for length in given):
        return np.array(given, np.int64)
    if ids is not None and len(ids) == len(given):
        return np.full(len(given), ids.shape[1], np.int64)
    return None


def _learned(
    batch: Mapping[str, Any], ids: npt.NDArray[Any] | None, *, shifted: bool
) -> npt.NDArray[np.bool_] | None:
    """Return which tokens have a loss, shape (rows, tokens); None if the labels are not of tokens.

    A causal model predicts every token from those before, so a row's first has no loss whatever
    its label says.
    """
    if (given := _matrix(batch.get("shift_labels"))) is not None:
        found = np.zeros(given.shape, np.bool_)
        found[:, 1:] = given[:, :-1] != IGNORED
        return found
    labels = _matrix(batch.get("labels"))
    if labels is None or ids is None or labels.shape != ids.shape:
        return None
    found = np.asarray(labels != IGNORED, np.bool_)
    if shifted:
        found[:, 0] = False
    return found


def _matrix(value: Any) -> npt.NDArray[Any] | None:  # noqa: ANN401
    """Return a tensor or nested list with two dimensions as an array, anything else as None."""
    if value is None:
        return None
    found = value.numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
    return found if found.ndim == 2 else None
