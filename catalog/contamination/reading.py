"""The pool's texts and the tasks' items, read in pieces with no lock held in between."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from catalog.contamination.items import Item, item_of
from catalog.contamination.words import SEPARATOR
from catalog.errors import InvalidInput, UnknownName
from catalog.home import Home
from catalog.model import Role, Task
from catalog.sql import load
from catalog.store import Reader, Store
from catalog.vectors import Ids

PIECE_ROWS = 16_384
PIECE_CHARACTERS = 4 << 20


@dataclass(frozen=True)
class Piece:
    """Some samples of the pool.

    Attributes:
        ids: sample ids, int64 (n,), ascending.
        texts: what each says, its messages parted by `SEPARATOR`.
    """

    ids: Ids
    texts: list[str]


class PoolTexts:
    """The texts of the pool, as it is when this is made."""

    def __init__(self, home: Home) -> None:
        self._store = Store(home)
        with self._store.read() as reader:
            lengths = reader.arrow(load("contamination/lengths"))
        self.ids: Ids = lengths["sample_id"].to_numpy()
        self._characters = np.cumsum(lengths["characters"].to_numpy())

    def pieces(self) -> Iterator[Piece]:
        """Give all texts in order of sample id; a piece is read while the one before is used."""
        with ThreadPoolExecutor(1) as ahead:
            coming = None
            for first, last in self._ranges():
                following = ahead.submit(self._read, first, last)
                if coming:
                    yield coming.result()
                coming = following
            if coming:
                yield coming.result()

    def _ranges(self) -> Iterator[tuple[int, int]]:
        """Give the ids between which pieces lie, each of bounded rows and characters."""
        start = read = 0
        while start < len(self.ids):
            full = int(np.searchsorted(self._characters, read + PIECE_CHARACTERS, "right"))
            end = min(max(full, start + 1), start + PIECE_ROWS, len(self.ids))
            yield int(self.ids[start]), int(self.ids[end - 1])
            start, read = end, int(self._characters[end - 1])

    def _read(self, first: int, last: int) -> Piece:
        with self._store.read() as reader:
            rows = reader.arrow(load("contamination/texts"), first=first, last=last)
        texts = [SEPARATOR.join(contents) for contents in rows["contents"].to_pylist()]
        return Piece(rows["sample_id"].to_numpy(), texts)


def all_tasks(reader: Reader) -> list[Task]:
    """Return every task at its newest revision, a name's roles beside each other."""
    rows = reader.rows(load("contamination/tasks"))
    return [Task(**row) for row in rows]


def chosen_tasks(reader: Reader, names: Sequence[str]) -> list[Task]:
    """Return the tasks that names stand for: `gsm8k` for all its roles, `gsm8k:heldout` for one.

    Args:
        reader: of the home.
        names: none means every task.

    Raises:
        UnknownName: there is no such task.
        InvalidInput: there is no task at all.
    """
    known = all_tasks(reader)
    if not known:
        raise InvalidInput(
            "there is no task to check the pool against",
            hint="Add one with `catalog tasks add NAME FILE --role heldout`.",
        )
    chosen: list[Task] = []
    for name in names or dict.fromkeys(task.name for task in known):
        meant = [task for task in known if name in (task.name, f"{task.name}:{task.role}")]
        if not meant:
            raise _unknown(name, known)
        chosen += [task for task in meant if task not in chosen]
    return chosen


def _unknown(name: str, known: Sequence[Task]) -> UnknownName:
    names = list(dict.fromkeys(task.name for task in known))
    roles = [f"{task.name}:{task.role}" for task in known]
    return UnknownName.among(
        "task",
        name,
        names + (roles if ":" in name else []),
        hint="NAME stands for all its roles, NAME:heldout for one.",
    )


def read_items(reader: Reader, tasks: Sequence[Task]) -> Mapping[tuple[str, Role], list[Item]]:
    """Return the items of some tasks by name and role, in order of position."""
    keys = {task.task_id: (task.name, task.role) for task in tasks}
    found: dict[tuple[str, Role], list[Item]] = {key: [] for key in keys.values()}
    rows = reader.arrow(load("contamination/items"), task_ids=list(keys))
    for batch in rows.to_batches(2048):
        for row in batch.to_pylist():
            found[keys[row["task_id"]]].append(item_of(row["query_id"], row["messages"]))
    return found
