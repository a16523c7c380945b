"""An import that is killed anywhere, or runs beside another, ends as one import alone does."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import catalog
from catalog import Catalog
from catalog.ledger import Ledger

STEPS = 150
IMPORT = """
import sys
import catalog
from catalog.runs import taking
taking.SEGMENTS_PER_COMMIT = 20
print("ready", flush=True)
print(catalog.open(sys.argv[1]).import_runs().problems)
"""
TABLES = ("exposure", "training_step", "checkpoint", "attempt", "run_coverage", "ledger_segment")


def only(cat: Catalog, statement: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in cat.sql(statement).to_pylist()]


def everything(cat: Catalog) -> dict[str, list[tuple[Any, ...]]]:
    found = {
        table: only(cat, f"select * exclude (change_id) from {table} order by all")
        for table in TABLES
    }
    # Which number an unknown hash has depends on which segment came first, and says nothing.
    found["exposure"] = only(cat, "select * exclude (sample_id) from seen order by all")
    return found


@pytest.fixture
def logged(cat: Catalog) -> Catalog:
    """A home with the ledgers of two runs, in many small segments, not imported."""
    for run in ("one", "two"):
        resumed = None
        for first in (1, 60):
            with Ledger(cat.home.path, run, flush_steps=2, resumed=resumed) as ledger:
                for step in range(first, first + STEPS // 2):
                    ledger.record(
                        [f"{step % 40 + position:064x}" for position in (1, 2)], step=step
                    )
                    ledger.end_step(step)
                resumed = ledger.checkpoint(step) | {"step": 59}
    return cat


@pytest.fixture
def wanted(logged: Catalog, tmp_path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """What one undisturbed import gives."""
    other = catalog.open(shutil.copytree(logged.home.path, tmp_path / "undisturbed"))
    assert other.import_runs().problems == []
    return everything(other)


def start(cat: Catalog) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", IMPORT, str(cat.home.path)],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_an_import_that_is_killed_again_and_again_ends_the_same(
    logged: Catalog, wanted: dict[str, list[tuple[Any, ...]]]
) -> None:
    for pause in (0.05, 0.2, 0.5):
        with start(logged) as process:
            assert process.stdout and process.stdout.readline() == "ready\n"
            time.sleep(pause)
            process.send_signal(signal.SIGKILL)
    assert logged.import_runs().problems == []
    assert everything(logged) == wanted


def test_two_imports_at_once_take_everything_once(
    logged: Catalog, wanted: dict[str, list[tuple[Any, ...]]]
) -> None:
    processes = [start(logged), start(logged)]
    said = [process.communicate()[0] for process in processes]
    assert said == ["ready\n[]\n"] * 2
    assert everything(logged) == wanted


@pytest.mark.parametrize("words", [("import",), ("import", "--json"), ("finish", "two")])
def test_a_damaged_segment_ends_the_command_itself_with_1(
    logged: Catalog, words: tuple[str, ...]
) -> None:
    damaged = next((logged.home.path / "ledger" / "two").glob("*.exposures.arrow"))
    damaged.write_bytes(damaged.read_bytes()[:-9])
    command = [sys.executable, "-m", "catalog.cli", "--home", logged.home.path, "runs", *words]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("problem: ")) == (1, 1)
    if "--json" in words:
        assert json.loads(done.stdout)["runs"] == ["one", "two"]
