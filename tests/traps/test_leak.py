"""Queries that lie in the pool: they score 1, and each is the first that its own query takes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.traps.conftest import embedded, exported
from tests.traps.material import Material, make


@pytest.fixture(scope="module")
def leaky(strangers: Callable[[str], Path]) -> Material:
    """A pool that holds all queries of all tasks, among others."""
    made = make(strangers("mistral"), seed=11, samples=60)
    rows = [row for queries in made.tasks.values() for row in queries]
    made.sources["leak"] = [{**row, "id": f"leak.{row['id']}"} for row in rows]
    return made


def test_every_query_takes_itself_first(leaky: Material, tmp_path: Path) -> None:
    run = embedded(leaky, tmp_path)
    for task, queries in leaky.tasks.items():
        run("select", task, "--method", "round_robin", "--task", task, "--size", len(queries))
        rows = exported(run, task, tmp_path)
        assert [row["id"] for row in rows] == [f"leak.{row['id']}" for row in queries]
        assert [row["catalog"]["query"] for row in rows] == [row["id"] for row in queries]
        assert {row["catalog"]["rank"] for row in rows} == {0}
        for row in rows:
            assert row["catalog"]["score"] == pytest.approx(1, abs=1e-6)
    tasks = ["task2", "task0", "task1"]
    words = [word for task in tasks for word in ("--task", task)]
    run("select", "all", "--method", "round_robin", *words, "--size", 12)
    rows = exported(run, "all", tmp_path)
    # Each task takes its own queries for as long as it has some.
    assert [row["catalog"]["task"] for row in rows[:3]] == tasks
    for row in rows:
        count = len(leaky.tasks[row["catalog"]["task"]])
        leaked = row["catalog"]["rank"] < count
        assert (row["id"] == f"leak.{row['catalog']['query']}") is leaked
        assert (row["catalog"]["score"] > 1 - 1e-6) is leaked
    assert sum(row["id"].startswith("leak.") for row in rows) >= 1 + 3 + 4
