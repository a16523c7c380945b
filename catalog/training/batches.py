"""Batches for a loop of one's own: of one process among several, resumable after a kill."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from torch.utils.data import DataLoader, Dataset

from catalog.errors import Conflict
from catalog.training.order import Order

Collate = Callable[[list[Any]], Any]


class Sized(Protocol):
    """A map-style data set: `SnapshotDataset`, a list, anything with a length and items."""

    def __len__(self) -> int:
        """Return how many items there are."""

    def __getitem__(self, place: int, /) -> Any:  # noqa: ANN401
        """Return the item at a place."""


class Batches:
    """One process's batches of a data set, epoch after epoch, from wherever training stands.

    ::

        batches = Batches(SnapshotDataset("math@1", seed=7), 8)
        for epoch in range(batches.epoch, 3):
            for batch in batches:
                …
                save(model, batches.state_dict())

    All processes together take `size * world_size` places of the order at a time, each a run of its
    own, so the order is that of the data set whoever reads it, and a run may go on with more or
    fewer processes. Each epoch's last batch is filled from the epoch's beginning, and what fills it
    has `repeated` set in the items that are mappings.

    Args:
        data: any map-style data set.
        size: of a batch, in items.
        rank: of this process.
        world_size: how many processes there are.
        seed: shuffle by it, if the data set does not do that itself.
        collate: makes a batch of a list of items; by default their columns, as lists.
        drop_last: leave out what does not fill a batch of every process.
        loader: anything that `torch.utils.data.DataLoader` takes beside that.
    """

    def __init__(
        self,
        data: Sized,
        size: int,
        *,
        rank: int = 0,
        world_size: int = 1,
        seed: int | None = None,
        collate: Collate | None = None,
        drop_last: bool = False,
        **loader: Any,  # noqa: ANN401
    ) -> None:
        self.data, self.size, self.rank, self.world_size = data, size, rank, world_size
        self.epoch = 0
        self._consumed, self._seed, self._drop_last = 0, seed, drop_last
        self._places = _Places(self)
        self._loader: DataLoader[Any] = DataLoader(
            _Marked(data), batch_sampler=self._places, collate_fn=collate or columns, **loader
        )

    def __len__(self) -> int:
        """Return how many batches are left of the epoch, the same for every process."""
        left, together = len(self.data) - self._consumed, self.size * self.world_size
        return left // together if self._drop_last else -(-left // together)

    def __iter__(self) -> Iterator[Any]:
        """Give the rest of the epoch; the next call gives the next epoch."""
        set_epoch = getattr(self.data, "set_epoch", None)
        if set_epoch:
            set_epoch(self.epoch)
        for batch in self._loader:
            self._consumed += self.size * self.world_size
            yield batch
        self.epoch, self._consumed = self.epoch + 1, 0

    def _chosen(self) -> Iterator[list[tuple[int, bool]]]:
        """Give the items of each batch, and of each whether it only fills up."""
        total, together = len(self.data), self.size * self.world_size
        order = range(total) if self._seed is None else Order(total, self._seed, self.epoch)
        begun = self._consumed
        for number in range(len(self)):
            first = begun + number * together + self.rank * self.size
            places = range(first, first + self.size)
            yield [(order[place % total], place >= total) for place in places]

    def state_dict(self) -> dict[str, Any]:
        """Return where training stands: after the batches given out, not those being prepared."""
        state = {"epoch": self.epoch, "consumed": self._consumed, "seed": self._seed}
        inner = getattr(self.data, "state_dict", None)
        return state | {"size": len(self.data), "data": inner() if inner else None}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state; the number of processes and the size of batches may differ.

        Raises:
            Conflict: it is of other data, or of another order.
        """
        now = self.state_dict()
        for name in ("size", "seed"):
            if state[name] != now[name]:
                raise Conflict(
                    f"the state is of {name} {state[name]!r}, these batches of {now[name]!r}",
                    hint="Resume with the data and the seed that were trained on.",
                )
        if state["data"] is not None:
            self.data.load_state_dict(state["data"])  # type: ignore[attr-defined]
        self.epoch, self._consumed = state["epoch"], state["consumed"]
        if self._consumed >= len(self.data):
            self.epoch, self._consumed = self.epoch + 1, 0


class _Places:
    """What a `DataLoader` wants as its batch sampler; apart, so that workers need not know all."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches

    def __iter__(self) -> Iterator[list[tuple[int, bool]]]:
        return self._batches._chosen()

    def __len__(self) -> int:
        return len(self._batches)


class _Marked(Dataset[Any]):
    """The items of a data set, marked where they only fill up a batch."""

    def __init__(self, data: Sized) -> None:
        self._data = data

    def __getitem__(self, chosen: tuple[int, bool]) -> Any:  # noqa: ANN401
        place, repeated = chosen
        item = self._data[place]
        return {**item, "repeated": repeated} if isinstance(item, Mapping) else item


def columns(items: Sequence[Any]) -> Any:  # noqa: ANN401
    """Return mappings as one mapping of lists, and anything else as a list.

    >>> columns([{"a": 1, "b": 2}, {"a": 3, "b": 4}])
    {'a': [1, 3], 'b': [2, 4]}
    """
    if not items or not isinstance(items[0], Mapping):
        return list(items)
    return {name: [item[name] for item in items] for name in items[0]}
