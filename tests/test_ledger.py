"""The ledger: light, append-only, whole whatever is killed when."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalog.errors import Conflict, InvalidInput
from catalog.ledger import SCHEMA, Ledger, ledgers, read_manifest

A, B, C = (bytes([n]) * 32 for n in (1, 2, 3))


def rows(folder: Path) -> list[dict[str, Any]]:
    tables = [pa.ipc.open_file(path).read_all() for path in sorted(folder.glob("*.arrow"))]
    return pa.concat_tables(tables).to_pylist() if tables else []


def test_exposures_keep_their_step_position_and_epoch(tmp_path: Path) -> None:
    with Ledger(tmp_path, "run", snapshot="math@1", model="tiny", process=3) as ledger:
        ledger.record(step=1, content_hashes=[A, B.hex()])
        ledger.record(step=1, content_hashes=[bytearray(C)])
        ledger.record(step=2, content_hashes=[A], epoch=1)
        ledger.record(step=3, content_hashes=[])
    common = {"attempt": 0, "process": 3}
    assert rows(tmp_path / "run") == [
        {**common, "step": 1, "position": 0, "epoch": 0, "content_hash": A},
        {**common, "step": 1, "position": 1, "epoch": 0, "content_hash": B},
        {**common, "step": 1, "position": 2, "epoch": 0, "content_hash": C},
        {**common, "step": 2, "position": 0, "epoch": 1, "content_hash": A},
    ]
    found = read_manifest(tmp_path / "run" / "run.json")
    assert (found["run"], found["snapshot"], found["model"]) == ("run", "math@1", "tiny")


def test_a_run_that_is_started_again_is_its_next_attempt(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        with Ledger(tmp_path, "run", snapshot="math@1" if step == 1 else None) as ledger:
            ledger.record(step=step, content_hashes=[A])
    assert [(row["attempt"], row["step"]) for row in rows(tmp_path / "run")] == [
        (0, 1),
        (1, 2),
        (2, 3),
    ]
    assert list(ledgers(tmp_path)) == [(tmp_path / "run", "run", "math@1")]


def test_two_that_log_one_run_at_once_are_two_attempts(tmp_path: Path) -> None:
    one, two = Ledger(tmp_path, "run"), Ledger(tmp_path, "run")
    one.record(step=1, content_hashes=[A])
    two.record(step=1, content_hashes=[B])
    two.flush()
    one.flush()
    assert [(row["attempt"], row["content_hash"]) for row in rows(tmp_path / "run")] == [
        (0, A),
        (1, B),
    ]


def test_a_run_stays_on_its_snapshot(tmp_path: Path) -> None:
    Ledger(tmp_path, "run", snapshot="math@1")
    Ledger(tmp_path, "run", snapshot="math@1")
    with pytest.raises(Conflict, match="'run' was trained on math@1, and now on math@2"):
        Ledger(tmp_path, "run", snapshot="math@2")


def test_what_was_recorded_is_kept_when_training_fails(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match="diverged"),
        Ledger(tmp_path, "run") as ledger,
    ):
        ledger.record(step=1, content_hashes=[A])
        raise RuntimeError("diverged")
    assert len(rows(tmp_path / "run")) == 1


def test_it_is_flushed_by_time_and_by_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient, quick = Ledger(tmp_path, "patient"), Ledger(tmp_path, "quick", flush_seconds=0)
    for ledger in (patient, quick):
        ledger.record(step=1, content_hashes=[A])
    assert (rows(tmp_path / "patient"), len(rows(tmp_path / "quick"))) == ([], 1)
    monkeypatch.setattr("catalog.ledger.FLUSH_EXPOSURES", 3)
    patient.record(step=2, content_hashes=[A, B])
    assert len(rows(tmp_path / "patient")) == 3


def test_flushing_nothing_writes_nothing(tmp_path: Path) -> None:
    with Ledger(tmp_path, "run") as ledger:
        ledger.flush()
    assert list((tmp_path / "run").glob("*.arrow")) == []


@pytest.mark.parametrize(
    "hashes", [["ab"], [A[:31]], ["x" * 64], [32], [None], [1.5], "ab" * 32, [A, "zz"]]
)
def test_what_is_no_content_hash_is_refused_and_nothing_of_its_step_is_kept(
    tmp_path: Path, hashes: Any
) -> None:
    with Ledger(tmp_path, "run") as ledger:
        with pytest.raises(InvalidInput, match="is no content hash"):
            ledger.record(step=1, content_hashes=hashes)
        ledger.record(step=1, content_hashes=[B])
    assert [(row["position"], row["content_hash"]) for row in rows(tmp_path / "run")] == [(0, B)]


@pytest.mark.parametrize("name", ["", ".", "..", "../up", "a/b", "/abs", ".hidden", "a\0", "a\nb"])
def test_a_name_that_is_no_folders_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be a run's name"):
        Ledger(tmp_path / "ledger", name)
    assert not (tmp_path / "ledger").exists()


def test_a_home_is_not_its_ledger_folder(tmp_path: Path) -> None:
    (tmp_path / "catalog.toml").write_text("")
    with pytest.raises(InvalidInput, match="is a home, not its ledger folder"):
        Ledger(tmp_path, "run")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"run": 5}',
        '{"run": "a"}',
        '{"run": "a", "started_at": "soon"}',
        '{"run": "a", "started_at": "2024-01-01", "snapshot": 5}',
    ],
)
def test_a_damaged_manifest_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "odd").mkdir()
    path = tmp_path / "odd" / "run.json"
    path.write_text(text)
    with pytest.raises(InvalidInput, match="does not describe a run"):
        read_manifest(path)
    assert list(ledgers(tmp_path)) == [(tmp_path / "odd", "odd", None)]
    with pytest.raises(InvalidInput, match="does not describe a run"):
        Ledger(tmp_path, "odd")


def test_a_config_may_hold_what_is_no_json(tmp_path: Path) -> None:
    Ledger(tmp_path, "run", config={"lr": float("nan"), "path": tmp_path})
    found = read_manifest(tmp_path / "run" / "run.json")
    assert found["config"] == {"lr": "NaN", "path": str(tmp_path)}
    json.dumps(found, allow_nan=False)


TRAINER = """
import sys
from catalog.ledger import Ledger

with Ledger(sys.argv[1], "killed", flush_seconds=0) as ledger:
    for step in range(1, 1_000_000):
        ledger.record(step=step, content_hashes=[step.to_bytes(32, "big")] * 3)
        print(step, flush=True)
"""


def test_killed_at_any_moment_every_told_step_is_whole(tmp_path: Path) -> None:
    told = []
    for _ in range(3):
        command = [sys.executable, "-c", TRAINER, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            process.stdout.readline()
            time.sleep(0.05)
            process.send_signal(signal.SIGKILL)
            told.append(int(process.stdout.read().splitlines()[-1]))
    found = rows(tmp_path / "killed")
    for attempt, last in enumerate(told):
        steps = [row["step"] for row in found if row["attempt"] == attempt]
        assert steps[: 3 * last] == [step for step in range(1, last + 1) for _ in range(3)]
        assert len(steps) <= 3 * (last + 1)


def test_logging_needs_neither_a_database_nor_torch() -> None:
    check = (
        "import sys, catalog.ledger; "
        "print([m for m in ('duckdb', 'torch', 'lancedb', 'sqlalchemy') if m in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


def test_segments_have_the_schema_that_is_promised(tmp_path: Path) -> None:
    with Ledger(tmp_path, "run") as ledger:
        ledger.record(step=1, content_hashes=[A])
    [path] = (tmp_path / "run").glob("*.arrow")
    assert path.name == "0000-0000-00000000.arrow"
    assert pa.ipc.open_file(path).schema == SCHEMA
    assert not [name for name in os.listdir(tmp_path / "run") if name.startswith(".")]


@pytest.mark.parametrize("step", [1.5, "1", None])
def test_a_step_is_a_whole_number(tmp_path: Path, step: Any) -> None:
    with Ledger(tmp_path, "run") as ledger, pytest.raises(TypeError):
        ledger.record(step=step, content_hashes=[A])


def test_steps_may_be_numbers_of_numpy(tmp_path: Path) -> None:
    import numpy as np

    with Ledger(tmp_path, "run") as ledger:
        ledger.record(step=np.int64(4), content_hashes=[A], epoch=np.int32(2))  # type: ignore[arg-type]
    [row] = rows(tmp_path / "run")
    assert (row["step"], row["epoch"]) == (4, 2)
