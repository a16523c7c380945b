"""Training on a snapshot: a data set that knows the identity of everything it gives out."""

from collections.abc import Callable, Mapping
from operator import index
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from catalog.errors import Conflict
from catalog.home import Home
from catalog.migrate import require_newest
from catalog.snapshot import Snapshot, find
from catalog.training.cache import Members, cached
from catalog.training.order import Order


class Example(TypedDict):
    """One member of a snapshot, as a trainer gets it.

    Attributes:
        content_hash: 64 hexadecimal digits; hand it to the ledger.
        position: its place in the snapshot, where one that counts twice has two.
        messages: role, content and what else a message has.
        tools: what the model was offered, or None.
    """

    content_hash: str
    position: int
    messages: list[dict[str, Any]]
    tools: Any


Transform = Callable[[Example], Mapping[str, Any]]


class SnapshotDataset(Dataset[Any]):
    """A snapshot as a torch map-style data set, in its own order or shuffled.

    The text is written once into the home's cache and memory-mapped from there, so that it takes no
    memory of its own in any number of workers.

    Args:
        reference: `name@version`, or `name` for the newest.
        home: the catalog's folder.
        seed: shuffle by it, in another order every epoch, the same whatever the number of workers
            and processes; leave the shuffling of the trainer off then.
        transform: makes of an `Example` what the model takes (`Encoder`); `content_hash` and
            `position` are added to that.
    """

    def __init__(
        self,
        reference: str,
        home: str | Path = ".catalog",
        *,
        seed: int | None = None,
        transform: Transform | None = None,
    ) -> None:
        place = Home.at(home)
        require_newest(place)
        self.snapshot: Snapshot = find(place, reference)
        self.seed, self.transform = seed, transform
        self._path = cached(place, self.snapshot)
        self._members: Members | None = None
        self._order: tuple[int, Order] | None = None
        self._kept: npt.NDArray[np.int64] | None = None
        self.left_out: dict[str, list[str]] = {}
        # Shared, so that workers which live on hear of the next epoch.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()  # type: ignore[no-untyped-call]

    @property
    def members(self) -> Members:
        """The members, in the snapshot's order."""
        if self._members is None:
            self._members = Members(self._path)
        return self._members

    def __len__(self) -> int:
        """Return how many members there are, each as often as it counts."""
        return len(self.members) if self._kept is None else len(self._kept)

    def __getitem__(self, place: int) -> Any:  # noqa: ANN401
        """Return what comes at a place of the order: an `Example`, or what was made of it."""
        place = index(place)
        if not -len(self) <= place < len(self):
            raise IndexError(f"place {place} of {len(self)} members")
        place = self._shuffled(place % len(self))
        return self._item(place if self._kept is None else int(self._kept[place]))

    def _item(self, position: int) -> Any:  # noqa: ANN401
        example = Example(position=position, **self.members[position])  # type: ignore[typeddict-item]
        if self.transform is None:
            return example
        identity = {"content_hash": example["content_hash"], "position": position}
        return {**self.transform(example), **identity}

    def _shuffled(self, place: int) -> int:
        if self.seed is None:
            return place
        epoch = self.epoch
        if self._order is None or self._order[0] != epoch:
            self._order = epoch, Order(len(self), self.seed, epoch)
        return self._order[1][place]

    def leave_out(self, reason: Callable[[Any], str | None]) -> dict[str, list[str]]:
        """Leave members out that are not worth training on; every one is looked at, once.

        Args:
            reason: told an item, says why it is left out, or None (`Encoder.reason`).

        Returns:
            By reason the content hashes of those left out, as `Ledger.drop` takes them; kept as
            `left_out` too.
        """
        kept = []
        for position in range(len(self.members)):
            item = self._item(position)
            if (why := reason(item)) is None:
                kept.append(position)
            else:
                self.left_out.setdefault(why, []).append(item["content_hash"])
        self._kept, self._order = np.array(kept, np.int64), None
        return self.left_out

    @property
    def epoch(self) -> int:
        """The pass over the data, from 0, that the order is of."""
        return int(self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """Go to the order of an epoch; `accelerate`, and with it every Trainer, calls this."""
        self._epoch.fill_(epoch)

    def state_dict(self) -> dict[str, Any]:
        """Return what `load_state_dict` needs to go on with the same data in the same order."""
        state = {"snapshot": self.snapshot.digest, "seed": self.seed, "size": len(self)}
        return state | {"epoch": self.epoch}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state.

        Raises:
            Conflict: it is of another snapshot or seed, or others were left out.
        """
        now = self.state_dict()
        for name in ("snapshot", "seed", "size"):
            if state[name] != (value := now[name]):
                raise Conflict(
                    f"the state is of {name} {state[name]!r}, the data set of {value!r}",
                    hint="Resume with the data set that was trained on.",
                )
        self.set_epoch(state["epoch"])

    def __getstate__(self) -> dict[str, Any]:
        """Leave the mapping out of what goes to a worker: it opens its own."""
        return self.__dict__ | {"_members": None}
