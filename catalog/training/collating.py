"""A collator around a collator: it takes identity out of the items and puts it into the batch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from catalog.training.carrying import HASH_WORDS, KEY, TOLD, UNKNOWN, WORDS, stacked, words
from catalog.training.identity import Identity

IGNORED = -100
ITEM_FIELDS = ("position", "dataset_position", "truncated_tokens", "sample_start", "repeated")
"""What an item may say of itself beyond its identity; the model never sees it."""

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
        """Return the batch of the inner collator, with the key added if all items are known."""
        rows = [self._row(item) for item in items]
        kept = [{k: v for k, v in item.items() if k not in self.columns} for item in items]
        batch = self.inner(kept)
        if all(rows):
            carried = stacked([row or [] for row in rows])
            lengths = [len(item["input_ids"]) if "input_ids" in item else None for item in kept]
            _place(carried, batch, lengths, shifted=self.shifted)
            batch[KEY] = torch.from_numpy(carried)
        return batch

    def _row(self, item: Mapping[str, Any]) -> list[int] | None:
        """Return the words of an item's samples: of those packed into it, or of itself."""
        if (packed := item.get(KEY)) is not None:
            return [int(word) for word in packed]
        if (content_hash := self.identity(item)) is None:
            return None
        position = item.get("dataset_position", item.get("position"))
        return words(
            content_hash,
            dataset_position=None if position is None else int(position),
            truncated_tokens=item.get("truncated_tokens"),
            sample_start=item.get("sample_start"),
            repeated=bool(item.get("repeated")),
        )


def _place(
    carried: npt.NDArray[np.int64],
    batch: Mapping[str, Any],
    lengths: Sequence[int | None],
    *,
    shifted: bool,
) -> None:
    """Fill in where each sample lies in the batch, and how many of its tokens have a loss.

    Args:
        carried: shape (rows, samples, words); changed in place.
        batch: as the model gets it.
        lengths: tokens of each item; None where only the batch can tell.
        shifted: whether the first token of a row can have no loss.
    """
    samples = carried.reshape(len(carried), -1, WORDS)
    numbers = {name: samples[:, :, HASH_WORDS + place] for place, name in enumerate(TOLD)}
    there = numbers["repeated"] >= 0
    mask, ids = _matrix(batch.get("attention_mask")), _matrix(batch.get("input_ids"))
    tokens = _lengths(lengths, mask, ids)
    if tokens is None:
        return
    flat = ids is not None and len(ids) == 1 and len(carried) > 1
    begun = np.zeros(len(carried), np.int64)
    if flat:
        begun[1:] = np.cumsum(tokens)[:-1]
        numbers["batch_row"][there] = 0
    elif mask is not None and len(mask) == len(carried):
        begun = (mask != 0).argmax(axis=1)  # what is padded on the left begins later
    alone = there & (numbers["tokens"] == UNKNOWN)  # what is packed says it itself
    numbers["tokens"][:] = np.where(alone, tokens[:, None], numbers["tokens"])
    numbers["row_start"][:] = np.where(alone, 0, numbers["row_start"])
    numbers["row_start"][there] += np.broadcast_to(begun[:, None], there.shape)[there]
    learned = _learned(batch, ids, shifted=shifted)
    if learned is not None:
        row = np.zeros(len(carried), np.int64) if flat else np.arange(len(carried))
        before = np.zeros((len(learned), learned.shape[1] + 1), np.int64)
        np.cumsum(learned, axis=1, out=before[:, 1:])
        start = np.where(there, numbers["row_start"], 0)
        end = np.where(there, start + numbers["tokens"], 0)
        counted = before[row[:, None], end] - before[row[:, None], start]
        numbers["loss_tokens"][there] = counted[there]


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
