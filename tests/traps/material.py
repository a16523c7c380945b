"""Pools and tasks made up at random: turns, alphabets, lengths and white space of every kind."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from tests.traps.official import Official, best_per_task

Row = dict[str, Any]

ALPHABETS = ("abcdefghij", "klmnopqrst", "äöüßéèçñ", "абвгдежз", "日本語文字", "0123456789+-*/=")
MARKED = ("</s>", "<|user|>", "{x}", "\\n", "'; --", "🙂")
CLEAR = 2e-6
"""Scores nearer than this may change places on another machine."""


@dataclass
class Material:
    """A pool of several sources and some tasks, whose official scores never nearly tie.

    Attributes:
        sources: rows by source, each with an `id`; some rows are in two sources.
        tasks: rows by task.
        model: the folder of the model to embed with.
        scores: float64 (queries, samples): the official cosines, in the order of `samples`.
        samples: the distinct rows, by id.
    """

    sources: dict[str, list[Row]]
    tasks: dict[str, list[Row]]
    model: Path
    max_tokens: int
    samples: list[str] = field(default_factory=list)
    scores: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))

    def of(self, tasks: Sequence[str]) -> tuple[np.ndarray, list[int], list[str]]:
        """Return the scores of some tasks' queries, their counts by task, and their ids."""
        order = [row["id"] for rows in self.tasks.values() for row in rows]
        wanted = [row["id"] for name in tasks for row in self.tasks[name]]
        places = [order.index(name) for name in wanted]
        return self.scores[places], [len(self.tasks[name]) for name in tasks], wanted

    def write(self, folder: Path) -> tuple[dict[str, Path], dict[str, Path]]:
        """Write a file for each source and each task."""
        folder.mkdir(parents=True, exist_ok=True)
        return (
            {
                name: write_rows(folder / f"{name}.jsonl", rows)
                for name, rows in self.sources.items()
            },
            {name: write_rows(folder / f"{name}.jsonl", rows) for name, rows in self.tasks.items()},
        )


def write_rows(path: Path, rows: Sequence[Row]) -> Path:
    """Write rows as JSONL and return the path."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def make(model: Path, *, seed: int, samples: int = 80, max_tokens: int = 64) -> Material:
    """Make up a pool and three tasks for a model, and score them the official way."""
    random = Random(seed)
    rows = [_row(random, f"s{number}") for number in range(samples)]
    tasks = {
        f"task{number}": [_row(random, f"q{number}.{query}") for query in range(count)]
        for number, count in enumerate((5, 1, 3))
    }
    official = Official(model, max_tokens)
    asked = official.vectors([row["messages"] for rows in tasks.values() for row in rows])
    vectors = official.vectors([row["messages"] for row in rows])
    scores = asked @ vectors.T
    left = clear(scores, [len(queries) for queries in tasks.values()])
    rows, scores = [rows[place] for place in left], scores[:, left]
    edges = sorted(random.sample(range(1, len(rows)), 2))
    sources = {
        "third": rows[edges[1] :],
        "first": rows[: edges[0]],
        "second": rows[edges[0] : edges[1]],
    }
    sources["third"] = sources["third"] + sources["first"][:4]  # the same rows, twice in the pool
    return Material(sources, tasks, model, max_tokens, [row["id"] for row in rows], scores)


def clear(scores: np.ndarray, sizes: Sequence[int]) -> list[int]:
    """Leave out samples until no list that a rule sorts has two whose scores nearly tie.

    Args:
        scores: (queries, samples), one task's queries after another's.
        sizes: how many queries each task has.

    Returns:
        The places of the samples left, ascending.
    """
    best = best_per_task(scores, sizes)
    several = [
        best[list(tasks)]
        for count in range(1, len(sizes) + 1)
        for tasks in combinations(range(len(sizes)), count)
    ]
    ends = np.cumsum(sizes)
    means = [scores[end - size : end].mean(axis=0) for end, size in zip(ends, sizes, strict=True)]
    means += [tasks.mean(axis=0) for tasks in several]
    every = np.concatenate([scores, means, [tasks.max(axis=0) for tasks in several]])
    left = np.arange(every.shape[1])
    while True:
        near: set[int] = set()
        for row in every[:, left]:
            order = np.argsort(row)
            near |= set(order[1:][np.diff(row[order]) < CLEAR].tolist())
        if not near:
            return [int(place) for place in left]
        left = np.delete(left, max(near))


def _words(random: Random, count: int) -> str:
    alphabet = random.choice(ALPHABETS)
    words = ["".join(random.choices(alphabet, k=random.randint(1, 7))) for _ in range(count)]
    if random.random() < 0.1:
        words.insert(random.randrange(len(words) + 1), random.choice(MARKED))
    return random.choice(["", " ", "\n"]) + " ".join(words) + random.choice(["", "  ", "\n\n"])


def _row(random: Random, name: str) -> Row:
    messages = []
    if random.random() < 0.2:
        messages.append({"role": "system", "content": _words(random, random.randint(1, 6))})
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        long = random.random() < 0.1
        length = random.randint(1, 60 if long else 12)
        messages.append({"role": "user", "content": _words(random, length)})
        messages.append({"role": "assistant", "content": _words(random, random.randint(1, 12))})
    return {"id": name, "messages": messages}
