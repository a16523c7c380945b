"""Launches that are killed and resumed, and what their models saw against what the ledger says."""

import json
import multiprocessing
import os
import random
import signal
import socket
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

import catalog
import ingest
from catalog.training import Encoder, SnapshotDataset
from tests.training_loops import RUN, SAMPLES, Plan, conversation, launch, tokenizer

START_SECONDS = 120.0
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.training_loops", "trl.trainer.sft_trainer"])

Batch = dict[str, Any]
Where = tuple[int, int, int]
"""Step, micro-step, rank."""


class Launch(NamedTuple):
    """What one start of a training did, by its own log: from which step, and what by step."""

    parent: int | None
    start: int
    seen: dict[Where, Batch]


def make_home(folder: Path) -> Path:
    """A home with the snapshot `all@1` of every sample."""
    cat = catalog.init(folder)
    path = folder.with_suffix(".jsonl")
    rows = [{"id": f"s{n}", "messages": conversation(n)} for n in range(SAMPLES)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    ingest.load(cat, [path], source="words")
    cat.select("all", method="random", size=SAMPLES)
    return cat.home.path


class Training:
    """One run that is started again and again until it is through."""

    def __init__(self, loop: str, home: Path, folder: Path, world_size: int, **options: Any):
        self.loop, self.home, self.folder = loop, home, folder
        self.world_size, self.options = world_size, options
        self.owners: dict[Path, int] = {}
        self.launches: list[Launch] = []
        folder.mkdir(parents=True, exist_ok=True)

    def complete(self) -> list[Path]:
        """The checkpoints that can be gone on from, oldest first."""
        last = "state.pt" if self.loop in ("plain", "accelerate") else "trainer_state.json"
        found = [path.parent for path in self.folder.glob(f"checkpoint-*/{last}") if _whole(path)]
        return sorted(found, key=_step)

    def start(self, *, kill_at: int | None, draw: random.Random) -> bool:
        """Start it from one of its checkpoints, kill it at a line of its log, or let it end."""
        known = {path: (path / _last(path)).stat().st_mtime_ns for path in self.complete()}
        resume = max(known, key=_step, default=None) if draw.random() < 0.8 or not known else None
        if resume is None and known:
            resume = draw.choice(sorted(known))
        number = len(self.launches)
        logs = [self.folder / f"log-{number}-{rank}" for rank in range(self.world_size)]
        options = self.options | {"port": _free_port()}
        plans = [
            Plan(
                self.loop, self.home, self.folder, log, rank, self.world_size, None, resume, options
            )
            for rank, log in enumerate(logs)
        ]
        processes = [CONTEXT.Process(target=launch, args=(plan,)) for plan in plans]
        for process in processes:
            process.start()
        ended = self._watch(processes, logs, kill_at, draw)
        parent = None if resume is None else self.owners[resume]
        start = 0 if resume is None else _step(resume)
        self.launches.append(Launch(parent, start, dict(_seen(logs, start))))
        for path in self.complete():
            if known.get(path) != (path / _last(path)).stat().st_mtime_ns:
                self.owners[path] = number
        return ended

    def _watch(
        self, processes: list[Any], logs: list[Path], kill_at: int | None, draw: random.Random
    ) -> bool:
        until = time.monotonic() + START_SECONDS
        while any(process.is_alive() for process in processes):
            lines = [log.read_bytes().count(b"\n") if log.exists() else 0 for log in logs]
            if kill_at is not None and max(lines) >= kill_at:
                time.sleep(draw.random() * 0.05)
                break
            assert time.monotonic() < until, f"{self.loop} takes too long: {lines}"
            time.sleep(0.003)
        # One after the other, in any order: what is left of the others goes on for a moment.
        alive = [process for process in processes if process.is_alive()]
        for process in draw.sample(alive, len(alive)):
            os.kill(process.pid, signal.SIGKILL)
            time.sleep(draw.random() * 0.02)
        for process in processes:
            process.join()
        ended = all(log.exists() and b"finished" in log.read_bytes() for log in logs)
        if kill_at is None:
            assert ended, f"{self.loop} {self.options} failed: {[p.exitcode for p in processes]}"
        return ended

    def seen(self) -> dict[Where, Batch]:
        """What led to the last launch's end, by the logs."""
        found: dict[Where, Batch] = {}
        number: int | None = len(self.launches) - 1
        last = None
        while number is not None:
            launched = self.launches[number]
            found |= {
                where: batch
                for where, batch in launched.seen.items()
                if last is None or where[0] <= last
            }
            number, last = launched.parent, launched.start
        return found


def _last(folder: Path) -> str:
    return "state.pt" if (folder / "state.pt").exists() else "trainer_state.json"


def _whole(path: Path) -> bool:
    if path.name == "state.pt":
        return True
    try:
        json.loads(path.read_text())
    except ValueError:
        return False
    return True


def _step(folder: Path) -> int:
    return int(folder.name.rpartition("-")[2])


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _seen(logs: list[Path], start: int) -> Iterator[tuple[Where, Batch]]:
    for rank, log in enumerate(logs):
        step, micro_step = start + 1, count()
        lines = log.read_text().split("\n") if log.exists() else []
        for line in lines[:-1]:
            told = json.loads(line)
            if "ids" in told:
                yield (step, next(micro_step), rank), told
            elif "stepped" in told:
                step, micro_step = step + 1, count()


class Recorded(NamedTuple):
    """A ledger as its files say: the exposures of every attempt, and where attempts began."""

    exposures: dict[int, dict[Where, list[dict[str, Any]]]]
    parents: dict[int, tuple[int | None, int]]

    def effective(self) -> dict[Where, list[dict[str, Any]]]:
        """What led to the newest attempt's end."""
        found: dict[Where, list[dict[str, Any]]] = {}
        number: int | None = max(self.parents)
        last = None
        while number is not None:
            found |= {
                where: rows
                for where, rows in self.exposures.get(number, {}).items()
                if last is None or where[0] <= last
            }
            number, last = self.parents[number]
        return found


def recorded(folder: Path) -> Recorded:
    """Read the segments of a run as they lie there."""
    exposures: dict[int, dict[Where, list[dict[str, Any]]]] = {}
    for path in sorted(folder.glob("*.exposures.arrow")):
        table = pa.ipc.open_file(path.read_bytes()).read_all()
        about = {k.decode(): int(v) for k, v in table.schema.metadata.items() if k != b"run"}
        for row in table.to_pylist():
            where = (row["step"], row["micro_step"], about["rank"])
            exposures.setdefault(about["attempt"], {}).setdefault(where, []).append(row)
    parents = {}
    for path in folder.glob("attempt-*.json"):
        parent = json.loads(path.read_text())["parent"]
        parents[int(path.name.split("-")[1])] = (
            (parent["attempt"], parent["step"]) if parent else (None, 0)
        )
    return Recorded(exposures, parents)


def tokens_of(home: Path) -> dict[str, list[int]]:
    """The token ids of every sample, by its content hash."""
    words = tokenizer()
    encoder = Encoder(words, 10_000)
    rows = SnapshotDataset("all@1", home)
    found = {}
    for place in range(len(rows)):
        row = rows[place]
        found[row["content_hash"]] = encoder(row)["input_ids"]
    return found


def compare(
    seen: dict[Where, Batch],
    rows: dict[Where, list[dict[str, Any]]],
    tokens: dict[str, list[int]],
) -> int:
    """Assert that the rows say of every token that the model saw whose it is; return the rows."""
    assert sorted(seen) == sorted(rows)
    for where, batch in seen.items():
        left = [list(row) for row in batch["ids"]]
        for row in rows[where]:
            sample = tokens[row["content_hash"].hex()]
            first, size = row["sample_start"] or 0, row["tokens"]
            start = row["row_start"]
            there = left[row["batch_row"]][start : start + size]
            assert there == sample[first : first + size], (where, row)
            left[row["batch_row"]][start : start + size] = [0] * size
            assert row["truncated_tokens"] is None or row["truncated_tokens"] >= 0
        assert not any(map(any, left)), f"the ledger lacks tokens of {where}: {left}"
        assert [row["position"] for row in rows[where]] == list(range(len(rows[where])))
        assert sum(row["loss_tokens"] for row in rows[where]) == batch["loss"], where
    return sum(map(len, rows.values()))


def until_through(training: Training, kills: int, draw: random.Random, most: int) -> None:
    """Kill it so many times, at random lines of its log, then let it end."""
    for _ in range(kills):
        if training.start(kill_at=draw.randint(2, most), draw=draw):
            break
    training.start(kill_at=None, draw=draw)


def run_folder(home: Path) -> Path:
    """Where the ledger of the training lies."""
    return home / "ledger" / RUN
