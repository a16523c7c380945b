"""Write the demo as JSON lines files, and say what a reader will find in them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.demo import scrape
from ingest.demo.contents import PLANTED_TASK, DemoContents, compose
from ingest.demo.conversation import Conversation


@dataclass(frozen=True)
class PlantedItem:
    """The one held-out item that the pool holds too.

    Attributes:
        task: whose held-out item it is, under `heldout_id`.
        source: the pool source that holds it, under `pool_id`.
        prompt: its only question.
        answer: its only answer.
    """

    task: str
    heldout_id: str
    source: str
    pool_id: str
    prompt: str
    answer: str


@dataclass(frozen=True)
class DemoFiles:
    """Where the demo was written, and what a reader will find.

    Attributes:
        pool: JSON lines files of samples, by source.
        tasks: files of queries, by task.
        heldout: files of held-out items, by task.
        samples: rows of the pool that can be read, exact duplicates included.
        planted: the held-out item in the pool.
        bad_source: the source whose file holds rows to be refused.
        bad_rows: how many they are.
    """

    pool: Mapping[str, Path]
    tasks: Mapping[str, Path]
    heldout: Mapping[str, Path]
    samples: int
    planted: PlantedItem
    bad_source: str
    bad_rows: int


def write_demo(folder: Path, *, seed: int = 0) -> DemoFiles:
    """Write the demo's pool, queries and held-out items under `folder` and say what is where.

    Files of an earlier call are replaced. The same seed gives the same bytes on the same build
    of Python.

    Args:
        folder: made if missing; gets `pool/`, `tasks/` and `heldout/`.
        seed: of the choice of samples, their wording and the arithmetic.
    """
    contents = compose(seed)
    pool = {source: _lines(items, source, source) for source, items in contents.pool.items()}
    bad = scrape.bad_lines()
    pool[scrape.SOURCE] = _spread(bad, among=pool[scrape.SOURCE])
    queries = {
        name: _lines(task.queries, name, f"{name}_q") for name, task in contents.tasks.items()
    }
    heldout = {
        name: _lines(task.heldout, name, f"{name}_t") for name, task in contents.tasks.items()
    }
    return DemoFiles(
        pool=_write(folder / "pool", pool),
        tasks=_write(folder / "tasks", queries),
        heldout=_write(folder / "heldout", heldout),
        samples=sum(len(items) for items in contents.pool.values()),
        planted=_planted(contents),
        bad_source=scrape.SOURCE,
        bad_rows=len(bad),
    )


def _planted(contents: DemoContents) -> PlantedItem:
    item = contents.tasks[PLANTED_TASK].heldout[contents.planted_position]
    return PlantedItem(
        task=PLANTED_TASK,
        heldout_id=f"{PLANTED_TASK}_t_{contents.planted_position}",
        source=scrape.SOURCE,
        pool_id=f"{scrape.SOURCE}_{scrape.PLANTED_POSITION}",
        prompt=item.prompt,
        answer=item.answer,
    )


def _lines(conversations: Iterable[Conversation], dataset: str, prefix: str) -> list[str]:
    return [
        json.dumps(item.row(f"{prefix}_{position}", dataset), ensure_ascii=False)
        for position, item in enumerate(conversations)
    ]


def _spread(lines: Sequence[str], *, among: Sequence[str]) -> list[str]:
    """Return `among` with one of `lines` after each equal stretch of it."""
    mixed = list(among)
    stretch = len(among) // len(lines)
    for position in reversed(range(len(lines))):
        mixed.insert((position + 1) * stretch, lines[position])
    return mixed


def _write(folder: Path, files: Mapping[str, Sequence[str]]) -> dict[str, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = {name: folder / f"{name}.jsonl" for name in files}
    for name, lines in files.items():
        text = "".join(f"{line}\n" for line in lines)
        paths[name].write_text(text, encoding="utf-8", newline="\n")
    return paths
