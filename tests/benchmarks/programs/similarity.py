"""Score a space in turns with faiss, raw products and raw reads, in one process.

HOME WIDTH DTYPE KIND REPEATS SIZE…; KIND is `best`, or how many samples to keep of each query, and
the sizes are those of the tasks. Prints seconds of every repeat of each side, and bytes of memory.
"""

import json
import os
import resource
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Thread
from time import perf_counter

import click
import faiss
import numpy as np
import torch

import catalog
from catalog.similarity import BestPerTask, TopPerQuery, score
from catalog.vectors import Floats, Vectors

from ..report import cores
from ..stock import made_space, made_vectors

HELD_BYTES = 1 << 28
"""What faiss and raw products are given at once, in float32 and in memory already: far more than
any cache holds, as a space is."""

SHAPES = (512, 2048, 1 << 30)
"""Vectors in one raw product: few, more, or all of them."""

READ_BYTES = 1 << 20
MOST_TIMES, MOMENT_S = 3, 0.5
SKEWED = 7


class Sides:
    """Everything that is timed."""

    def __init__(self, home: Path, width: int, stored: str, kind: str, sizes: list[int]) -> None:
        self.vectors = Vectors(catalog.open(home).home, made_space(width, stored), "sample")
        self.files = sorted(home.rglob("*.lance/data/*.lance"))
        self.ids = np.sort(self.vectors.facts()["sample_id"].to_numpy())
        [self.queries] = made_vectors(sum(sizes), width)
        self.kind, self.sizes = kind, sizes
        rows = min(HELD_BYTES // (4 * width), len(self.ids))
        self.block: Floats = np.concatenate(list(made_vectors(rows, width)))
        self.indexes = [faiss.IndexFlatIP(width) for _ in (sizes if kind == "best" else [0])]
        ends = np.cumsum(sizes)
        for index, size, end in zip(self.indexes, sizes, ends, strict=False):
            index.add(self.queries[end - size : end] if kind == "best" else self.block)

    def keeper(self) -> BestPerTask | TopPerQuery:
        """Return what keeps scores, and nothing yet."""
        if self.kind == "best":
            return BestPerTask(self.sizes, len(self.ids))
        keys = (np.arange(len(self.ids)) * SKEWED) % len(self.ids)
        return TopPerQuery(len(self.queries), int(self.kind), keys)

    def ours(self, share: int = 1) -> float:
        """Score all samples, or one in `share`, and tell how long it took."""
        keeper, ids = self.keeper(), self.ids[: len(self.ids) // share]
        started = perf_counter()
        score(self.vectors, self.queries, ids, keeper.add)
        return perf_counter() - started

    def peer(self) -> float:
        """Search with faiss: each sample's best per task, or each query's best of every block."""

        def search() -> None:
            for index in self.indexes:
                if self.kind == "best":
                    index.search(self.block, 1)
                else:
                    index.search(self.queries, min(int(self.kind), len(self.block)))

        return _seconds(search) * len(self.ids) / len(self.block)

    def products(self) -> float:
        """Multiply in the best shape there is."""
        return min(self._product(rows, first) for rows in SHAPES for first in (True, False))

    def _product(self, rows: int, queries_first: bool) -> float:
        block, queries = torch.from_numpy(self.block), torch.from_numpy(self.queries)
        parts = block.split(min(rows, len(block)))

        def multiply() -> None:
            for part in parts:
                if queries_first:
                    torch.mm(queries, part.T)
                else:
                    torch.mm(part, queries.T)

        return _seconds(multiply) * len(self.ids) / len(block)

    def reading(self) -> float:
        """Read the files, on every core."""
        whole = [(file, start) for file in self.files for start in _starts(file)]
        started = perf_counter()
        with ThreadPoolExecutor(cores()) as threads:
            list(threads.map(_read, whole))
        return perf_counter() - started

    def cold(self, side: Callable[[], float]) -> float:
        """Time a side after the files were forgotten by the system."""
        for file in self.files:
            with file.open("rb") as opened:
                os.fsync(opened.fileno())
                os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return side()

    def beyond(self) -> int:
        """Return how much more memory scoring takes than the maxima that it keeps."""
        before, most, ended = _resident(), [0], Event()

        def watch() -> None:
            while not ended.wait(0.005):
                most[0] = max(most[0], _resident())

        watching = Thread(target=watch)
        watching.start()
        keeper = self.keeper()
        score(self.vectors, self.queries, self.ids, keeper.add)
        ended.set()
        watching.join()
        held = [keeper.scores, keeper.queries] if isinstance(keeper, BestPerTask) else []
        return most[0] - before - sum(array.nbytes for array in held)


def main(home: str, width: int, stored: str, kind: str, repeats: int, sizes: list[int]) -> None:
    """Time all sides in turns."""
    torch.set_num_threads(cores())
    faiss.omp_set_num_threads(cores())
    sides = Sides(Path(home), width, stored, kind, sizes)
    beyond = sides.beyond()
    timed: dict[str, Callable[[], float]] = {
        "ours": sides.ours,
        "peer": sides.peer,
        "product": sides.products,
        "reading": sides.reading,
        "quarter": lambda: sides.ours(4),
        "cold": lambda: sides.cold(sides.ours),
        "cold reading": lambda: sides.cold(sides.reading),
    }
    found: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(repeats):
        for name, side in timed.items():
            found[name].append(_quickest(side))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    click.echo(json.dumps({"seconds": found, "beyond": beyond, "peak": peak}))


def _quickest(side: Callable[[], float]) -> float:
    """Return the least of a few times where one is a moment: then the machine's moods weigh."""
    times = [side()]
    while len(times) < MOST_TIMES and sum(times) < MOMENT_S:
        times.append(side())
    return min(times)


def _seconds(step: Callable[[], None]) -> float:
    started = perf_counter()
    step()
    return perf_counter() - started


def _starts(file: Path) -> Iterator[int]:
    yield from range(0, file.stat().st_size, READ_BYTES)


def _read(part: tuple[Path, int]) -> None:
    file, start = part
    with file.open("rb", buffering=0) as opened:
        os.preadv(opened.fileno(), [bytearray(READ_BYTES)], start)


def _resident() -> int:
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _arguments(given: Sequence[str]) -> tuple[str, int, str, str, int, list[int]]:
    home, width, stored, kind, repeats, *sizes = given
    return home, int(width), stored, kind, int(repeats), list(map(int, sizes))


if __name__ == "__main__":
    main(*_arguments(sys.argv[1:]))
