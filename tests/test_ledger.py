"""The ledger: what is recorded is what can be read, and nothing else is taken."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from zlib import crc32

import pyarrow as pa
import pytest

from catalog.errors import Conflict, InvalidInput
from catalog.ledger import SCHEMAS, TOLD, Ledger, RunFolder, ledgers, outbox, read_manifest

A, B, C = (bytes([n]) * 32 for n in (1, 2, 3))


def rows(folder: Path, kind: str = "exposures") -> list[dict[str, Any]]:
    """The rows of all segments of one kind, with the attempt and rank that their names say."""
    found = []
    for path in sorted(folder.glob(f"*.{kind}.arrow")):
        attempt, rank, *_ = path.name.split(".")[0].split("-")
        for row in pa.ipc.open_file(path).read_all().to_pylist():
            found.append({"attempt": int(attempt), "rank": int(rank), **row})
    return found


def shown(folder: Path, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows(folder)]


def test_exposures_keep_their_step_micro_step_position_and_epoch(tmp_path: Path) -> None:
    about = {"snapshot": ["math@1", "code@2"], "model": "tiny", "config": {"seed": 7}}
    with Ledger(tmp_path, "run", 3, world_size=4, **about) as ledger:  # type: ignore[arg-type]
        ledger.record([A, B.hex()], step=1)
        ledger.record([bytearray(C)], step=1)
        ledger.record(iter([A]), step=2, epoch=1)
        ledger.record([], step=3)
    places = ("attempt", "rank", "step", "micro_step", "position", "epoch", "content_hash")
    assert shown(tmp_path / "run", *places) == [
        (0, 3, 1, 0, 0, 0, A),
        (0, 3, 1, 0, 1, 0, B),
        (0, 3, 1, 1, 0, 0, C),
        (0, 3, 2, 0, 0, 1, A),
    ]
    found = read_manifest(tmp_path / "run" / "run.json")
    assert (found["run"], found["snapshots"], found["model"], found["config"]) == (
        "run",
        ["math@1", "code@2"],
        "tiny",
        {"seed": 7},
    )
    claim = json.loads((tmp_path / "run" / "attempt-0000-00003.json").read_text())
    assert (claim["rank"], claim["world_size"], claim["parent"]) == (3, 4, None)
    assert claim["told"]["config"] == {"seed": 7}
    assert claim["software"]["python"] == sys.version.split()[0]


def test_what_is_told_of_samples_is_kept_and_the_rest_is_null(tmp_path: Path) -> None:
    import numpy as np
    import torch

    with Ledger(tmp_path, "run") as ledger:
        ledger.record(
            [A, B],
            step=1,
            dataset_position=np.array([2**40, 1]),
            tokens=torch.tensor([9, 8]),
            loss_tokens=[None, 0],
            row_start=(0, 9),
            repeated=np.array([False, True]),
        )
    nothing = dict.fromkeys(("batch_row", "sample_start", "truncated_tokens"))
    told = [{name: row[name] for name in TOLD} for row in rows(tmp_path / "run")]
    assert told == [
        {**nothing, "dataset_position": 2**40, "tokens": 9, "loss_tokens": None, "row_start": 0}
        | {"repeated": False},
        {**nothing, "dataset_position": 1, "tokens": 8, "loss_tokens": 0, "row_start": 9}
        | {"repeated": True},
    ]


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"tokens": [1]}, "'tokens' has 1 values for 2 samples"),
        ({"tokens": [1, 1.5]}, "'tokens' does not fit"),
        ({"tokens": [1, 2**31]}, "'tokens' does not fit"),
        ({"tokens": [None, 2**31]}, "'tokens' does not fit"),
        ({"tokens": [None, "2"]}, "'tokens' does not fit"),
        ({"dataset_position": [1, 2**63]}, "'dataset_position' does not fit"),
        ({"tokens": 5}, "'tokens' does not fit"),
        ({"tokens": [[1], [2]]}, "'tokens' does not fit"),
        ({"token": [1, 2]}, "'token' is nothing that is told of samples"),
        ({"content_hash": [A, B]}, "'content_hash' is nothing that is told of samples"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_of_the_call_is_kept(
    tmp_path: Path, told: dict[str, Any], message: str
) -> None:
    with Ledger(tmp_path, "run") as ledger:
        with pytest.raises(InvalidInput, match=message):
            ledger.record([A, B], step=1, **told)
        ledger.record([B], step=1)
    assert shown(tmp_path / "run", "micro_step", "position", "content_hash") == [(0, 0, B)]


@pytest.mark.parametrize(
    "hashes", [["ab"], [A[:31]], ["x" * 64], [32], [None], [1.5], "ab" * 32, A, [A, "zz"]]
)
def test_what_is_no_content_hash_is_refused_and_nothing_of_the_call_is_kept(
    tmp_path: Path, hashes: Any
) -> None:
    with Ledger(tmp_path, "run") as ledger:
        for use in (lambda: ledger.record(hashes, step=1), lambda: ledger.drop(hashes, "long")):
            with pytest.raises(InvalidInput, match="is no content hash"):
                use()
        ledger.record([B], step=1)
    assert shown(tmp_path / "run", "position", "content_hash") == [(0, B)]
    assert rows(tmp_path / "run", "dropped") == []


def test_steps_say_what_was_shown_and_whether_it_was_applied(tmp_path: Path) -> None:
    with Ledger(tmp_path, "run") as ledger:
        ledger.record([A, B], step=1)
        ledger.record([C], step=1)
        ledger.record([A], step=2)
        ledger.end_step(2, applied=False, reason="overflow", digest=b"\1\2")
        ledger.end_step(3)  # this rank was shown nothing
        ledger.record([A], step=5)
    said = ("step", "exposures", "applied", "reason", "digest")
    assert [tuple(row[name] for name in said) for row in rows(tmp_path / "run", "steps")] == [
        (1, 3, True, None, None),
        (2, 1, False, "overflow", b"\1\2"),
        (3, 0, True, None, None),
        (5, 1, True, None, None),
    ]


def test_a_step_cut_short_was_loaded_and_no_more_is_claimed(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="diverged"), Ledger(tmp_path, "run") as ledger:
        ledger.record([A], step=1)
        ledger.record([B], step=2)
        raise RuntimeError("diverged")
    assert shown(tmp_path / "run", "step", "content_hash") == [(1, A), (2, B)]
    assert [row["step"] for row in rows(tmp_path / "run", "steps")] == [1]
    ledger = Ledger(tmp_path, "other")
    ledger.record([A], step=1)
    ledger.close()
    assert rows(tmp_path / "other", "steps") == []


def test_a_checkpoint_ends_its_step_and_not_a_later_one(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, "run")
    ledger.record([A], step=1)
    assert ledger.checkpoint(1, tmp_path / "c1") == {"run": "run", "attempt": 0, "step": 1}
    assert [row["step"] for row in rows(tmp_path / "run", "steps")] == [1]
    with pytest.raises(InvalidInput, match="step 1 comes after step 1"):
        ledger.record([A], step=1)
    ledger.end_if_open()
    ledger.record([A], step=2)
    ledger.record([A], step=3)
    ledger.checkpoint(2)  # written late, while step 3 goes on
    ledger.close()
    assert [row["step"] for row in rows(tmp_path / "run", "steps")] == [1, 2]
    assert [(row["step"], row["path"]) for row in rows(tmp_path / "run", "checkpoints")] == [
        (1, str(tmp_path / "c1")),
        (2, None),
    ]


def test_samples_that_never_reach_the_model_are_told_with_the_reason(tmp_path: Path) -> None:
    with Ledger(tmp_path, "run") as ledger:
        ledger.drop([A, B.hex()], "too long")
        ledger.drop([], "nothing")
    found = [(row["content_hash"], row["reason"]) for row in rows(tmp_path / "run", "dropped")]
    assert found == [(A, "too long"), (B, "too long")]


@pytest.mark.parametrize("step", [0, -1, 4])
def test_steps_count_from_one_and_never_go_back(tmp_path: Path, step: int) -> None:
    with Ledger(tmp_path, "run") as ledger:
        if step > 0:
            ledger.record([A], step=5)
        with pytest.raises(InvalidInput, match=f"step {step} comes after step") as caught:
            ledger.record([A], step=step)
    assert "count from 1 and go forward" in str(caught.value.hint)


@pytest.mark.parametrize("step", [1.5, "1", None])
def test_a_step_is_a_whole_number(tmp_path: Path, step: Any) -> None:
    with Ledger(tmp_path, "run") as ledger, pytest.raises(TypeError):
        ledger.record([A], step=step)


def test_steps_may_be_numbers_of_numpy(tmp_path: Path) -> None:
    import numpy as np

    with Ledger(tmp_path, "run") as ledger:
        ledger.record([A], step=np.int64(4), epoch=np.int32(2))  # type: ignore[arg-type]
    assert shown(tmp_path / "run", "step", "epoch") == [(4, 2)]


def test_it_is_flushed_by_steps_by_rows_and_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def steps(name: str) -> list[int]:
        return [row["step"] for row in rows(tmp_path / name)]

    patient, quick = Ledger(tmp_path, "patient"), Ledger(tmp_path, "quick", flush_seconds=0)
    counting = Ledger(tmp_path, "counting", flush_steps=2)
    for ledger in (patient, quick, counting):
        ledger.record([A], step=1)
        ledger.record([A], step=2)
    assert (steps("patient"), steps("quick"), steps("counting")) == ([], [1, 2], [])
    counting.record([A], step=3)  # which ends step 2: two are over
    assert steps("counting") == [1, 2]
    monkeypatch.setattr(outbox, "FLUSH_ROWS", 4)
    patient.record([A, B], step=3)
    patient._outbox._asked.put((done := outbox.Event(), False))  # behind what the rows asked for
    done.wait()
    assert steps("patient") == [1, 2, 3, 3]


def test_rows_are_written_in_time_while_training_does_something_else(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, "run", flush_seconds=0.05)
    ledger.record([A], step=1)
    for _ in range(200):
        if rows(tmp_path / "run"):
            break
        outbox.Event().wait(0.02)
    assert shown(tmp_path / "run", "step") == [(1,)]


@pytest.mark.parametrize("seconds", [0, 1e-9, float("inf"), 1e300])
def test_any_number_of_seconds_may_be_waited(tmp_path: Path, seconds: float) -> None:
    with Ledger(tmp_path, "run", flush_seconds=seconds) as ledger:
        ledger.record([A], step=1)
        assert len(rows(tmp_path / "run")) == (seconds < 1)
    assert len(rows(tmp_path / "run")) == 1


def test_flushing_nothing_writes_nothing(tmp_path: Path) -> None:
    with Ledger(tmp_path, "run") as ledger:
        ledger.flush()
        ledger.record([A], step=1)
        ledger.flush()
        ledger.flush()
    assert len(list((tmp_path / "run").glob("*.exposures.arrow"))) == 1


def test_a_closed_ledger_takes_nothing_more_and_may_be_closed_again(tmp_path: Path) -> None:
    with Ledger(tmp_path, "run") as ledger, ledger:
        ledger.record([A], step=1)
        ledger.close()
        ledger.close()
        for use in (
            lambda: ledger.record([A], step=2),
            lambda: ledger.end_step(1),
            lambda: ledger.checkpoint(1),
            lambda: ledger.drop([A], "long"),
        ):
            with pytest.raises(Conflict, match="the ledger of 'run' is closed"):
                use()
    ledger.flush()
    assert shown(tmp_path / "run", "step") == [(1,)]


def test_a_ledger_refuses_to_go_to_another_process(tmp_path: Path) -> None:
    import pickle

    with pytest.raises(TypeError, match="cannot be pickled: it is held by process"):
        pickle.dumps(Ledger(tmp_path, "run"))


def test_segments_have_the_schema_that_is_promised_and_say_whose_they_are(tmp_path: Path) -> None:
    with Ledger(tmp_path, "run", 1, world_size=2) as ledger:
        ledger.drop([C], "long")
        ledger.record([A], step=1)
        ledger.checkpoint(1)
    names = sorted(path.name for path in (tmp_path / "run").glob("*.arrow"))
    marks = [f"{crc32((tmp_path / 'run' / name).read_bytes()):08x}" for name in names]
    assert names == [
        f"0000-00001-00000000-{marks[0]}.exposures.arrow",
        f"0000-00001-00000001-{marks[1]}.steps.arrow",
        f"0000-00001-00000002-{marks[2]}.checkpoints.arrow",
        f"0000-00001-00000003-{marks[3]}.dropped.arrow",
    ]
    for name in names:
        schema = pa.ipc.open_file(tmp_path / "run" / name).schema
        assert schema.equals(SCHEMAS[name.split(".")[1]], check_metadata=False)
        assert schema.metadata == {b"run": b"run", b"attempt": b"0", b"rank": b"1"}
    assert not [name for name in os.listdir(tmp_path / "run") if name.startswith(".")]


@pytest.mark.parametrize("name", ["", ".", "..", "../up", "a/b", "/abs", ".hidden", "a\0", "a\nb"])
def test_a_name_that_is_no_folders_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be a run's name"):
        Ledger(tmp_path / "ledger", name)
    assert not (tmp_path / "ledger").exists()


@pytest.mark.parametrize("name", ["a b", "ü%20?#[x]*", "<script>", "s3:x", "-r", "run.json", "名"])
def test_odd_names_are_names(tmp_path: Path, name: str) -> None:
    for _ in range(2):
        with Ledger(tmp_path, name) as ledger:
            ledger.record([A], step=1)
    assert shown(tmp_path / name, "attempt") == [(0,), (1,)]
    assert read_manifest(tmp_path / name / "run.json")["run"] == name


def test_a_home_stands_for_its_ledger_folder(tmp_path: Path) -> None:
    (tmp_path / "catalog.toml").write_text("")
    with Ledger(tmp_path, "one") as ledger:
        ledger.record([A], step=1)
    with Ledger(tmp_path.as_uri(), "two") as ledger:
        ledger.record([A], step=1)
    assert [path.name for path, _, _ in ledgers(tmp_path / "ledger")] == ["one", "two"]
    assert shown(tmp_path / "ledger" / "two", "step") == [(1,)]


def test_reading_makes_no_folder(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "ledger", "run")
    assert (folder.names(), folder.exists("run.json"), folder.next_attempt()) == ([], False, 0)
    with pytest.raises(InvalidInput, match="cannot be read"):
        folder.read_json("run.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "place",
    ["/dev/null", "/proc", "odd://bucket", "file://relative", "x" * 300],
)
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, place: str) -> None:
    given = place if place.startswith(("/", "odd", "file")) else str(tmp_path / place)
    with pytest.raises(InvalidInput) as caught:
        Ledger(given, "run")
    assert place[:10] in caught.value.message and caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"run": 5}',
        '{"run": "a"}',
        '{"run": "a", "started_at": "soon"}',
        '{"run": "a", "started_at": "2024-01-01", "snapshots": 5}',
        '{"run": "a", "started_at": "2024-01-01", "snapshots": [5]}',
    ],
)
def test_a_damaged_manifest_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "odd").mkdir()
    path = tmp_path / "odd" / "run.json"
    path.write_text(text)
    with pytest.raises(InvalidInput, match="does not describe a run"):
        read_manifest(path)
    assert list(ledgers(tmp_path)) == [(tmp_path / "odd", "odd", [])]
    with pytest.raises(InvalidInput, match="does not describe a run"):
        Ledger(tmp_path, "odd")
    assert path.read_text() == text


def test_a_folder_of_another_run_is_refused(tmp_path: Path) -> None:
    Ledger(tmp_path, "old")
    (tmp_path / "old").rename(tmp_path / "new")
    with pytest.raises(Conflict, match="the run 'new' was begun with run 'old'"):
        Ledger(tmp_path, "new")


def test_a_config_may_hold_what_is_no_json(tmp_path: Path) -> None:
    Ledger(tmp_path, "run", config={"lr": float("nan"), "path": tmp_path})
    found = read_manifest(tmp_path / "run" / "run.json")
    assert found["config"] == {"lr": "NaN", "path": str(tmp_path)}
    json.dumps(found, allow_nan=False)


def test_a_config_that_is_no_json_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be kept as JSON"):
        Ledger(tmp_path, "run", config={(1, 2): 3})  # type: ignore[dict-item]
    assert not (tmp_path / "run" / "run.json").exists()


def test_paths_and_reasons_may_hold_what_is_no_text(tmp_path: Path) -> None:
    with Ledger(tmp_path, "run") as ledger:
        ledger.end_step(1, applied=False, reason="\udcff")
        ledger.checkpoint(1, Path("/c\udcff"))
        ledger.drop([A], ValueError("odd"))  # type: ignore[arg-type]
    assert [row["reason"] for row in rows(tmp_path / "run", "steps")] == ["?"]
    assert [row["path"] for row in rows(tmp_path / "run", "checkpoints")] == ["/c?"]
    assert [row["reason"] for row in rows(tmp_path / "run", "dropped")] == ["odd"]


@pytest.mark.parametrize(
    "given",
    [
        {"rank": -1},
        {"rank": 2, "world_size": 2},
        {"world_size": 0},
        {"attempt": -1},
        {"flush_seconds": -1},
        {"flush_seconds": float("nan")},
        {"flush_steps": 0},
    ],
)
def test_an_argument_that_cannot_be_is_refused_before_anything_is_written(
    tmp_path: Path, given: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput, match=f"{next(iter(given))}=.* cannot be used"):
        Ledger(tmp_path, "run", **given)
    assert list(tmp_path.iterdir()) == []


def test_logging_needs_neither_a_database_nor_torch() -> None:
    check = (
        "import sys, catalog.ledger; "
        "print([m for m in ('duckdb', 'torch', 'lancedb', 'sqlalchemy') if m in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"
