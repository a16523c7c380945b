"""Write a pool of many conversations, each a variation of a real one: FOLDER ROWS FILE…

Prints the files. The first copy of the pool is as it is; in every further one each message has
words of its own put in, so that no two conversations are the same that were not before.
"""

import gzip
import json
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path
from random import Random

import click

TEXT = (
    "amber basin cedar delta ember fjord grove haven inlet jetty knoll larch marsh north ocean "
    "plain quarry ridge stone thicket upland valley willow yonder"
)
WORDS = TEXT.split()
EVERY = 12
"""About how many words lie between those that are put in."""


def main(folder: str, rows: int, files: list[str]) -> None:
    """Write one file for every file of the pool, on every core."""
    counts = [_lines(file) for file in files]
    total = sum(counts)
    shares = [rows * count // total for count in counts]
    shares[0] += rows - sum(shares)
    outputs = [str(Path(folder) / Path(file).with_suffix("").name) for file in files]
    with ProcessPoolExecutor() as pool:
        list(pool.map(_write, files, outputs, shares))
    click.echo(json.dumps({"files": outputs}))


def _lines(file: str) -> int:
    with gzip.open(file) as lines:
        return sum(1 for _ in lines)


def _write(file: str, output: str, count: int) -> None:
    with open(output, "w", encoding="utf-8") as out:
        for line in islice(_varied(file), count):
            out.write(line)


def _varied(file: str) -> Iterator[str]:
    """Give the lines of a file again and again, each time with other words put in."""
    copy = 0
    while True:
        random = Random(copy)
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                if not copy:
                    yield line
                    continue
                row = json.loads(line)
                row["id"] = f"{row['id']}.{copy}"
                for message in row["messages"]:
                    message["content"] = _vary(message["content"], copy, random)
                yield json.dumps(row, ensure_ascii=False) + "\n"
        copy += 1


def _vary(text: str, copy: int, random: Random) -> str:
    parts = text.split(" ")
    parts[0] += f" {copy}"
    for place in range(random.randrange(EVERY), len(parts), EVERY):
        parts[place] += " " + random.choice(WORDS)
    return " ".join(parts)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
