"""The benchmarks: a tiny run of them is whole. How long anything takes is not judged here."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.benchmarks import __main__, measure
from tests.benchmarks.material import Plan, generated
from tests.benchmarks.measure import Measured
from tests.benchmarks.result import Stage

ROOT = Path(__file__).parents[1]
FIELDS = {
    "stage",
    "size",
    "ours_s",
    "peer",
    "peer_s",
    "limit",
    "limit_s",
    "ratio_to_peer",
    "ratio_to_limit",
    "peak_memory_bytes",
    "facts",
    "quarter_s",
    "growth",
    "goal",
    "goal_met",
    "notes",
}


def run(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """Run the benchmarks in a folder, where they leave their file."""
    return subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """The table and the file of a run over a few made rows."""
    folder = tmp_path_factory.mktemp("bench")
    done = run(folder, "--rows", "300", "--repeats", "1", "--only", "ingest", "--only", "commands")
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads((folder / "bench.json").read_text())


def test_every_stage_that_was_asked_for_is_reported(tiny: tuple[str, dict[str, Any]]) -> None:
    table, found = tiny
    names = [stage["stage"] for stage in found["stages"]]
    assert names == [
        "ingest",
        "ingest, datasets",
        "catalog --help",
        "catalog snapshots",
        'catalog sql "select 1"',
    ]
    assert all(name in table for name in names)
    assert found["failures"] == {}


def test_every_stage_was_measured_on_both_sides(tiny: tuple[str, dict[str, Any]]) -> None:
    for stage in tiny[1]["stages"]:
        assert set(stage) == FIELDS
        other = "peer" if stage["peer"] else "limit"
        assert stage["ours_s"] > 0 and stage[f"{other}_s"] > 0
        assert stage[f"ratio_to_{other}"] == stage["ours_s"] / stage[f"{other}_s"]
        assert stage["peak_memory_bytes"] > 1_000_000
        assert (stage["goal"] is None) == (stage["goal_met"] is None)


def test_goals_are_the_promised_ones(tiny: tuple[str, dict[str, Any]]) -> None:
    goals = [stage["goal"] for stage in tiny[1]["stages"]]
    assert goals[0].startswith("<= 2.5 of peer, < 2 GB, longest write lock, s 0.")
    assert goals[0].endswith(" <= 2.5") and goals[1] is None
    assert goals[2:] == ["< 0.15 s", "< 0.5 s", "< 0.5 s"]


def test_the_machine_is_described(tiny: tuple[str, dict[str, Any]]) -> None:
    machine = tiny[1]["machine"]
    assert machine["cores"] >= 1 and machine["memory_bytes"] > 0
    assert machine["versions"]["duckdb"]


def test_a_stage_that_fails_is_said_and_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(plan: Plan) -> Iterator[Stage]:
        yield Stage("first half", "1 row", 1.0)
        measure.run([sys.executable, "-c", "raise SystemExit('no disk left')"])

    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(__main__.STAGES, "ingest", failing)
    done = CliRunner().invoke(__main__.main, ["--only", "ingest"])
    assert done.exit_code == 1
    assert "ingest failed" in done.stderr and "no disk left" in done.stderr
    found = json.loads((tmp_path / "bench.json").read_text())
    assert list(found["failures"]) == ["ingest"]
    assert [stage["stage"] for stage in found["stages"]] == ["first half"]


def test_memory_is_that_of_the_whole_tree_of_processes() -> None:
    if not measure.PROCESSES.is_dir():
        pytest.skip("no /proc on this system")
    child = "import time; held = bytearray(b'x' * 80_000_000); time.sleep(0.5)"
    parent = "import subprocess, sys; subprocess.run(sys.argv[1:], start_new_session=True)"
    found = measure.run([sys.executable, "-c", parent, sys.executable, "-c", child])
    assert found.peak_memory_bytes and found.peak_memory_bytes > 80_000_000


def test_sides_take_turns() -> None:
    order: list[str] = []

    def side(name: str) -> Callable[[int], Measured]:
        def note(repeat: int) -> Measured:
            order.append(f"{name}{repeat}")
            return Measured(1.0, 0.5, None, "{}")

        return note

    measure.in_turns("test", 2, side("a"), side("b"))
    assert order == ["a0", "b0", "a1", "b1"]


def test_made_conversations_are_always_the_same() -> None:
    rows = list(generated(200))
    assert rows == list(generated(200))
    assert rows[99]["messages"] == rows[98]["messages"]
    assert len({json.dumps(row["messages"]) for row in rows}) == 198
