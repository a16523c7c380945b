"""Ties, order of ingest, files, chunks, blocks: always the same samples in the same order."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

import catalog
import ingest
from catalog.similarity import product
from ingest import chunks
from tests.conftest import talk
from tests.tiny import add_vectors
from tests.traps.conftest import Command, commands, embed, embedded, exported
from tests.traps.material import Material, clear, write_rows
from tests.traps.official import RULES

CASES = (
    ("random",),
    ("balanced",),
    ("round_robin", "task0"),
    ("round_robin", "task2", "task0", "task1"),
)


def chosen(run: Command, folder: Path) -> tuple[list[str], list[str]]:
    """Select by every rule: the digests, and the ids of the last one's exported rows."""
    digests = []
    for method, *tasks in CASES:
        words = [word for task in tasks for word in ("--task", task)]
        name = "-".join([method, *tasks])
        digests.append(run("select", name, "--method", method, *words, "--size", 40)["digest"])
    return digests, [row["id"] for row in exported(run, name, folder)]


@pytest.fixture(scope="module")
def expected(material: Material, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What is chosen from a home that took the pool in source by source."""
    folder = tmp_path_factory.mktemp("expected")
    return chosen(embedded(material, folder), folder)


def in_shards(rows: Sequence[Any], count: int) -> Iterable[Sequence[Any]]:
    """Deal rows into files as they come: one after another, not in runs."""
    return [rows[start::count] for start in range(count)]


@pytest.mark.parametrize(
    ("shards", "commit_rows", "backwards"), [(1, 7, True), (3, 100, False), (7, 5, True)]
)
def test_files_chunks_and_order_of_ingest_change_nothing(
    material: Material,
    expected: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    shards: int,
    commit_rows: int,
    backwards: bool,
) -> None:
    monkeypatch.setattr(chunks, "COMMIT_ROWS", commit_rows)
    run = commands(tmp_path / "home")
    run("init")
    rows = [{**row, "dataset": name} for name, of in material.sources.items() for row in of]
    Random(shards).shuffle(rows)
    files = [
        write_rows(tmp_path / f"{number}.jsonl", part)
        for number, part in enumerate(in_shards(rows, shards))
    ]
    for path in files[:: -1 if backwards else 1]:
        run("ingest", path)
    for name, queries in sorted(material.tasks.items(), reverse=backwards):
        run("tasks", "add", name, write_rows(tmp_path / f"{name}.jsonl", queries))
    embed(run, material)
    assert chosen(run, tmp_path) == expected


def test_the_size_of_blocks_changes_no_selection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cat = catalog.init(tmp_path / "home")
    generator = np.random.default_rng(1)
    values, asked = generator.normal(size=(1200, 24)), generator.normal(size=(4, 24))
    lengths = [np.linalg.norm(rows, axis=1, keepdims=True) for rows in (values, asked)]
    left = clear((asked / lengths[1]) @ (values / lengths[0]).T, [3, 1])
    rows = [talk(f"Number {number}?") for number in left]
    ingest.load(cat, [write_rows(tmp_path / "pool.jsonl", rows)], source="numbers")
    for name, count in (("three", 3), ("one", 1)):
        of_task = [talk(f"{name} {number}?") for number in range(count)]
        ingest.add_task(cat, name, write_rows(tmp_path / f"{name}.jsonl", of_task))
    add_vectors(
        cat, "made", dict(enumerate(values[left], start=1)), dict(enumerate(asked, start=1))
    )
    for tasks in (["three"], ["one", "three"]):
        digests = set()
        for block_rows in (64, 333, 4096):
            monkeypatch.setattr(product, "BLOCK_ROWS", block_rows)
            picked = cat.select(
                f"{tasks[0]}{block_rows}", method="round_robin", tasks=tasks, size=len(left)
            )
            digests.add(picked.digest)
        assert len(digests) == 1


LEVELS = np.array([-0.5, 0.5])


def test_ties_go_by_order_key_everywhere(tmp_path: Path) -> None:
    # Of width 4 and ±1/2 everywhere: 16 vectors in all, and scores of -1, -1/2, 0, 1/2 and 1 that
    # both dtypes hold exactly, so nearly every score is a tie.
    run = commands(tmp_path / "home")
    run("init")
    rows = [talk(f"Number {number}?", id=f"s{number}") for number in range(150)]
    run("ingest", write_rows(tmp_path / "pool.jsonl", rows), "--source", "numbers")
    counts = {"task0": 5, "task1": 1, "task2": 3}
    for name, count in counts.items():
        asked = [talk(f"{name} {number}?") for number in range(count)]
        run("tasks", "add", name, write_rows(tmp_path / f"{name}.jsonl", asked))
    generator = np.random.default_rng(0)
    samples = {key: generator.choice(LEVELS, 4) for key in range(1, 151)}
    queries = {key: generator.choice(LEVELS, 4) for key in range(1, 10)}
    statement = (
        "select a.external_id as id, s.order_key from appearance as a "
        "join sample as s using (sample_id) order by sample_id"
    )
    keys = {row["id"]: row["order_key"] for row in run("sql", statement)["rows"]}
    every = np.array(list(queries.values())) @ np.array(list(samples.values())).T
    assert len(np.unique(every)) == 5
    places = {"task0": slice(0, 5), "task1": slice(5, 6), "task2": slice(6, 9)}
    for rule, store, tasks, size in (
        ("round_robin", "float32", ["task0"], 150),
        ("round_robin", "float16", ["task0"], 40),
        ("round_robin", "float32", ["task2", "task1", "task0"], 90),
        ("round_robin", "float16", ["task1", "task2"], 150),
        ("global_max", "float16", ["task1", "task2"], 60),
        ("mean_max", "float32", ["task0"], 60),
        ("mean_max", "float16", ["task0", "task1"], 60),
    ):
        name = "-".join([rule, store, *tasks])
        add_vectors(catalog.open(tmp_path / "home"), name, samples, queries, store)
        scores = np.concatenate([every[places[task]] for task in tasks])
        sizes = [counts[task] for task in tasks]
        expected = RULES[rule](scores, sizes, list(keys.values()), size)
        words = [word for task in tasks for word in ("--task", task)]
        words += ["--space", name, "--size", str(size)]
        run("select", name, "--method", rule, *words)
        ids = [row["id"] for row in exported(run, name, tmp_path)]
        assert ids == [list(keys)[place] for place, _ in expected]
