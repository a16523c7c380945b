"""What is worked on: real conversations where they lie beside the project, or made ones."""

import gzip
import json
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from .measure import program, run

POOL = Path(__file__).parents[3] / "shared" / "data" / "pool"
SOURCES = 6
MOST_SENTENCES = 16
TEXT = (
    "sample task model token answer question number river stone garden engine letter window market "
    "simple large early bright empty local common hidden reads writes finds keeps moves counts "
    "turns holds often never first again above under between because while although every another"
)
WORDS = TEXT.split()

Row = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What to measure with.

    Attributes:
        folder: for scratch; it is removed at the end.
        pool: gzipped JSON lines, one conversation each; empty where there is no real data.
        rows: conversations of the pool to measure with.
        texts: texts to embed.
        repeats: times that each side runs.
        full: whether the paper's size was asked for.
    """

    folder: Path
    pool: tuple[Path, ...]
    rows: int
    texts: int
    repeats: int
    full: bool = False

    @property
    def quarter(self) -> int:
        """A quarter of the rows, to see how time grows."""
        return max(self.rows // 4, 1)

    def room(self, name: str) -> Path:
        """Return a new folder for what one stage writes."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))

    def inputs(self, rows: int) -> tuple[Path, ...]:
        """Return files with so many conversations, made once: the pool's, varied where needed."""
        folder = self.folder / f"inputs-{rows}"
        if not folder.exists():
            folder.mkdir()
            if self.pool:
                run(program("vary", folder, str(rows), *self.pool))
            else:
                write_jsonl(folder / "generated.jsonl", generated(rows))
        return tuple(sorted(folder.iterdir()))

    def conversations(self, count: int) -> Iterator[Row]:
        """Give this many conversations, an equal share from the start of each pool file."""
        if not self.pool:
            return generated(count)
        share = -(-count // len(self.pool))
        return islice((row for file in self.pool for row in _first_rows(file, share)), count)


def pool_files() -> tuple[Path, ...]:
    """Return the real data, in order of name."""
    return tuple(sorted(POOL.glob("*.jsonl.gz")))


def _first_rows(file: Path, count: int) -> Iterator[Row]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, islice(lines, count))


def generated(count: int) -> Iterator[Row]:
    """Give made conversations, always the same: some have two turns, some come twice.

    >>> first, second = generated(2)
    >>> [message["role"] for message in second["messages"]], first == next(generated(1))
    (['user', 'assistant'], True)
    """
    random = Random(0)
    previous: list[Row] = []
    for number in range(count):
        if number % 100 != 99:
            pairs = 2 if number % 10 == 0 else 1
            previous = [
                {"role": role, "content": f"{number}: {_prose(random)}"}
                for _ in range(pairs)
                for role in ("user", "assistant")
            ]
        yield {"id": f"made-{number}", "dataset": f"made-{number % SOURCES}", "messages": previous}


def _prose(random: Random) -> str:
    sentences = random.randint(1, MOST_SENTENCES)
    return ". ".join(" ".join(random.choices(WORDS, k=8)) for _ in range(sentences)) + "."


def write_jsonl(path: Path, rows: Iterable[Row]) -> Path:
    """Write rows as JSON lines and return the path."""
    with path.open("w", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return path
