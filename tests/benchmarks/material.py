"""What is worked on: real conversations where they lie beside the project, or made ones."""

import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

POOL = Path(__file__).parents[3] / "shared" / "data" / "pool"
DEFAULT_ROWS = 100_000
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
        folder: for scratch; it is removed afterwards.
        pool: gzipped JSON lines, one conversation each; empty where there is no real data.
        rows: conversations to generate instead of reading the pool, if said.
        texts: texts to embed.
        repeats: times that each side runs.
    """

    folder: Path
    pool: tuple[Path, ...]
    rows: int | None
    texts: int
    repeats: int

    def inputs(self) -> tuple[Path, ...]:
        """Return the files to ingest: the pool, or made rows if some were asked for or needed."""
        if self.pool and self.rows is None:
            return self.pool
        return (write_jsonl(self.folder / "generated.jsonl", generated(self.rows or DEFAULT_ROWS)),)

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
