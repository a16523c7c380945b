"""Ledgers come into the catalog once each, whole, whatever lies beside them."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import catalog
import ingest
from catalog import Catalog
from catalog.errors import InvalidInput, UnknownName
from catalog.ledger import SCHEMAS, Ledger, encode
from catalog.store import Store
from tests.conftest import talk


@pytest.fixture(scope="module")
def drawn_home(stocked_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = shutil.copytree(stocked_home, tmp_path_factory.mktemp("drawn") / "home")
    catalog.open(home).select("drawn", method="random", size=6)
    return home


@pytest.fixture
def drawn(drawn_home: Path, tmp_path: Path) -> Catalog:
    """A home of its own with the snapshot `drawn@1` of six members."""
    return catalog.open(shutil.copytree(drawn_home, tmp_path / "home"))


def members(cat: Catalog) -> list[str]:
    found: list[str] = cat.snapshot("drawn@1").members()["hash"].to_pylist()
    return found


def train(cat: Catalog, run: str, steps: list[list[str]], first: int = 1, **options: Any) -> None:
    """Log a run in which every step is one segment of exposures, and one of steps."""
    with Ledger(cat.home.path, run, flush_steps=1, **options) as ledger:
        for step, hashes in enumerate(steps, first):
            ledger.record(hashes, step=step)
            ledger.end_step(step)


def seen(cat: Catalog) -> list[tuple[Any, ...]]:
    statement = (
        "select run, attempt, step, position, hash, sample_id is not null as known from seen "
        "order by all"
    )
    return [tuple(row.values()) for row in cat.sql(statement).to_pylist()]


def only(cat: Catalog, statement: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in cat.sql(statement).to_pylist()]


def test_a_ledger_is_taken_in_once(drawn: Catalog) -> None:
    marks = members(drawn)
    train(drawn, "tuned", [marks[:2], marks[2:5]], snapshot="drawn@1", model="tiny")
    first = drawn.import_runs()
    assert (first.runs, first.segments, first.exposures) == (["tuned"], 4, 5)
    assert (first.unknown, first.problems) == (0, [])
    found = seen(drawn)
    assert found == sorted(
        ("tuned", 0, step, position, mark, True)
        for step, batch in ((1, marks[:2]), (2, marks[2:5]))
        for position, mark in enumerate(batch)
    )
    again = drawn.import_runs(["tuned"])
    assert (again.runs, again.segments, again.exposures) == (["tuned"], 0, 0)
    assert seen(drawn) == found
    [run] = drawn.runs()
    told = {key: run[key] for key in ("name", "model", "snapshots", "attempts", "last_step")}
    assert told == {
        "name": "tuned",
        "model": "tiny",
        "snapshots": "drawn@1",
        "attempts": 1,
        "last_step": 2,
    }
    assert (run["exposures"], run["coverage"]) == (5, 1.0)


def test_what_a_run_logs_later_is_added(drawn: Catalog) -> None:
    marks = members(drawn)
    train(drawn, "tuned", [marks[:2]])
    drawn.import_runs()
    train(drawn, "tuned", [marks[2:4]])  # again from the start
    report = drawn.import_runs()
    assert (report.segments, report.exposures) == (2, 2)
    assert [(row[1], row[2]) for row in seen(drawn)] == [(0, 1), (0, 1), (1, 1), (1, 1)]
    [run] = drawn.runs()
    assert (run["attempts"], run["exposures"]) == (2, 2)


def test_importing_stopped_halfway_goes_on(drawn: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    from catalog.runs import taking

    marks = members(drawn)
    train(drawn, "tuned", [[mark] for mark in marks])
    monkeypatch.setattr(taking, "SEGMENTS_PER_COMMIT", 4)
    through, calls = taking.Taker.take, iter(range(1))

    def stop(*args: Any) -> Any:
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return through(*args)

    with monkeypatch.context() as patched:
        patched.setattr(taking.Taker, "take", stop)
        with pytest.raises(KeyboardInterrupt):
            drawn.import_runs()
    assert len(seen(drawn)) == 2
    assert only(drawn, "select count(*) from run_coverage") == [(0,)]
    assert drawn.import_runs().segments == 8
    assert [row[2] for row in seen(drawn)] == [1, 2, 3, 4, 5, 6]
    assert only(drawn, "select last_step, recorded_steps from run_coverage") == [(6, 6)]


def test_coverage_is_made_up_for_after_a_kill_before_it(
    drawn: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    from catalog.runs import importing

    train(drawn, "tuned", [members(drawn)[:2]])
    with monkeypatch.context() as patched:
        patched.setattr(importing, "settle", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            drawn.import_runs()
    assert only(drawn, "select count(*) from run_coverage") == [(0,)]
    assert drawn.import_runs().segments == 0
    assert only(drawn, "select recorded_steps, exposures from run_coverage") == [(1, 2)]
    clock = only(drawn, "select max(change_id) from change")
    drawn.import_runs()
    assert only(drawn, "select max(change_id) from change") == clock


def test_segments_that_another_import_took_meanwhile_are_left_to_it(
    drawn: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    from catalog.runs import taking

    marks = members(drawn)
    train(drawn, "tuned", [[mark] for mark in marks[:3]])
    through = taking.Taker.take

    def late(self: taking.Taker, *args: Any) -> Any:
        with monkeypatch.context() as patched:
            patched.setattr(taking.Taker, "take", through)
            assert drawn.import_runs().exposures == 3
        train(drawn, "tuned", [[mark] for mark in marks[3:]])
        return through(self, *args)

    with monkeypatch.context() as patched:
        patched.setattr(taking.Taker, "take", late)
        report = drawn.import_runs()
    assert (report.segments, report.exposures) == (0, 0)
    assert len(seen(drawn)) == 3
    assert drawn.import_runs().exposures == 3


def test_samples_that_the_catalog_does_not_know_are_kept_and_counted(drawn: Catalog) -> None:
    known = members(drawn)[0]
    train(drawn, "tuned", [[known, "ab" * 32], ["cd" * 32, "ab" * 32]])
    report = drawn.import_runs()
    assert (report.exposures, report.unknown, report.problems) == (4, 3, [])
    assert [(row[4], row[5]) for row in seen(drawn)] == [
        (known, True),
        ("ab" * 32, False),
        ("cd" * 32, False),
        ("ab" * 32, False),
    ]
    train(drawn, "next", [["ab" * 32, "ef" * 32]])
    assert drawn.import_runs().unknown == 2
    ids = only(drawn, "select sample_id, lower(hex(content_hash)) from unknown_sample order by 1")
    assert ids == [(-3, "ef" * 32), (-2, "cd" * 32), (-1, "ab" * 32)]


def test_a_sample_that_is_ingested_after_it_was_seen_is_known_then(
    drawn: Catalog, tmp_path: Path
) -> None:
    path = tmp_path / "late.jsonl"
    path.write_text(json.dumps(talk("Late?")) + "\n")
    elsewhere = catalog.init(tmp_path / "elsewhere")
    ingest.load(elsewhere, [path], source="late")
    [row] = elsewhere.sql("select hash from pool").to_pylist()
    train(drawn, "early", [[row["hash"]]])
    assert drawn.import_runs().unknown == 1
    ingest.load(drawn, [path], source="late")
    assert [found[5] for found in seen(drawn)] == [True]
    train(drawn, "late", [[row["hash"]]])
    assert drawn.import_runs().unknown == 0
    assert [found[5] for found in seen(drawn)] == [True, True]


def damage(cat: Catalog, name: str, content: bytes) -> None:
    (cat.home.ledger / "tuned" / name).write_bytes(content)


def table_bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def segment(folder: Path, number: int, kind: str = "exposures") -> Path:
    """The file of attempt 0, rank 0 with this number; its name ends in its checksum."""
    [path] = folder.glob(f"0000-00000-{number:08d}-*.{kind}.arrow")
    return path


def test_damaged_and_foreign_segments_are_told_of_and_skipped(drawn: Catalog) -> None:
    marks = members(drawn)
    train(drawn, "tuned", [marks[:2], marks[2:4]])
    folder = drawn.home.ledger / "tuned"
    whole = segment(folder, 0)
    content = whole.read_bytes()
    schema = SCHEMAS["exposures"].with_metadata({"run": "tuned", "attempt": "0", "rank": "0"})
    nulls = pa.table({field.name: pa.nulls(1, field.type) for field in schema}, schema=schema)
    other = encode("checkpoints", {"step": [1], "path": [None]}, {"run": "other"})
    damage(drawn, "noise.arrow", bytes(range(256)) * 4)
    kind = "exposures.arrow"
    damage(drawn, f"0000-00000-00000004.{kind}", b"")
    damage(drawn, f"0000-00000-00000005.{kind}", content[: len(content) // 2])
    damage(drawn, f"0000-00000-00000006.{kind}", table_bytes(pa.table({"step": [1]})))
    damage(drawn, f"0000-00000-00000007.{kind}", table_bytes(nulls))
    damage(drawn, f"0000-00000-00000008.{kind}", content)
    damage(drawn, "0000-00000-00000009.checkpoints.arrow", other)
    damage(drawn, f"0001-00000-00000000.{kind}", content)
    (folder / f"0000-00000-00000010.{kind}").mkdir()
    report = drawn.import_runs()
    assert (report.segments, report.exposures) == (4, 4)
    told = [problem.removeprefix(f"{folder}/").split(": ", 2) for problem in report.problems]
    assert [name.split(".")[0][-2:] for name, *_ in told] == [
        *("04", "05", "06", "07", "08", "09", "10", "00", "se"),
    ]
    assert {how for _, how, _ in told} == {"skipped"}
    why = {name.split(".")[0]: why for name, _, why in told}
    assert why["0000-00000-00000006"] == "it is no ledger segment"
    assert why["0000-00000-00000007"].startswith("its column")
    assert why["0000-00000-00000008"] == f"a copy of {whole.name}"
    assert why["0000-00000-00000009"] == "it belongs to the run 'other', not to 'tuned'"
    assert why["0001-00000-00000000"] == "it belongs to the attempt '0', not to 1"
    assert why["noise"] == "its name is no segment's"
    covered = "select attempt, recorded_steps, damaged_segments from run_coverage order by attempt"
    assert only(drawn, covered) == [(0, 2, 8)]
    again = drawn.import_runs()
    assert (again.segments, again.problems) == (0, report.problems)
    assert only(drawn, covered) == [(0, 2, 8)]


def test_a_single_flipped_bit_is_found_anywhere_in_a_segment(drawn: Catalog) -> None:
    marks = members(drawn)
    train(drawn, "tuned", [marks[:2]])
    path = segment(drawn.home.ledger / "tuned", 0)
    content = path.read_bytes()
    place = content.index(bytes.fromhex(marks[0]))
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    report = drawn.import_runs()
    assert (report.exposures, report.unknown) == (0, 0)
    assert report.problems == [
        f"{path}: skipped: damaged: its bytes do not have the checksum in its name"
    ]


def test_a_damaged_segment_is_taken_in_once_it_is_mended(drawn: Catalog) -> None:
    marks = members(drawn)
    train(drawn, "tuned", [marks[:2], marks[2:4]])
    path = segment(drawn.home.ledger / "tuned", 2)
    content = path.read_bytes()
    path.write_bytes(content[:-20])
    assert [len(drawn.import_runs().problems) for _ in range(2)] == [1, 1]
    covered = "select last_step, recorded_steps, exposures, damaged_segments from run_coverage"
    assert only(drawn, covered) == [(2, 1, 2, 1)]
    assert drawn.runs()[0]["coverage"] == 0.5
    path.write_bytes(content)
    report = drawn.import_runs()
    assert (report.segments, report.exposures, report.problems) == (1, 2, [])
    assert only(drawn, covered) == [(2, 2, 4, 0)]


def test_a_segment_that_is_not_there_is_told_of_until_it_is(drawn: Catalog) -> None:
    marks = members(drawn)
    train(drawn, "tuned", [[mark] for mark in marks])
    folder = drawn.home.ledger / "tuned"
    gone = [segment(folder, number) for number in (2, 4)]
    contents = [path.read_bytes() for path in gone]
    for path in (*gone, segment(folder, 3, "steps")):
        path.unlink()
    told = f"{folder}: segments 2 to 4 are missing of attempt 0, rank 0"
    assert [drawn.import_runs().problems for _ in range(2)] == [[told], [told]]
    covered = "select last_step, recorded_steps, exposures, damaged_segments from run_coverage"
    assert only(drawn, covered) == [(6, 4, 4, 3)]
    gone[0].write_bytes(contents[0])
    gone[1].write_bytes(contents[1])
    told = f"{folder}: segment 3 is missing of attempt 0, rank 0"
    report = drawn.import_runs()
    assert (report.segments, report.problems) == (2, [told])
    assert only(drawn, covered) == [(6, 5, 6, 1)]


def test_a_folder_that_is_gone_after_its_import_is_no_gap(drawn: Catalog) -> None:
    marks = members(drawn)
    train(drawn, "tuned", [[mark] for mark in marks[:3]])
    drawn.import_runs()
    for path in (drawn.home.ledger / "tuned").glob("0*"):
        path.unlink()
    train(drawn, "tuned", [[marks[3]]], first=4)
    (drawn.home.ledger / "tuned" / "attempt-0000-00000.json").unlink()
    assert drawn.import_runs().problems == []
    assert drawn.runs()[0]["coverage"] == 1.0
    assert len(seen(drawn)) == 4


def test_a_segment_that_changed_is_told_of_and_left_as_it_was(drawn: Catalog) -> None:
    marks = members(drawn)
    train(drawn, "tuned", [marks[:2]])
    drawn.import_runs()
    path = segment(drawn.home.ledger / "tuned", 0)
    content = path.read_bytes()
    train(drawn, "other", [marks[2:4]])
    shutil.copy(segment(drawn.home.ledger / "other", 0), path)
    report = drawn.import_runs(["tuned"])
    assert report.problems == [f"{path}: changed since it was imported; left as it was"]
    path.write_bytes(content)
    assert drawn.import_runs(["tuned"]).problems == []
    assert [row[4] for row in seen(drawn)] == marks[:2]


def test_coverage_is_worked_out_anew_where_it_is_asked_for(drawn: Catalog) -> None:
    marks = members(drawn)
    train(drawn, "tuned", [marks[:2], marks[2:4]])
    drawn.import_runs()
    with Store(drawn.home).write("test") as transaction:
        transaction.connection.execute("update run_coverage set recorded_steps = 7")
    drawn.import_runs()
    assert only(drawn, "select recorded_steps from run_coverage") == [(7,)]
    drawn.import_runs(anew=True)
    assert only(drawn, "select recorded_steps from run_coverage") == [(2,)]


def test_a_ledger_without_a_manifest_is_told_of(drawn: Catalog) -> None:
    train(drawn, "tuned", [members(drawn)[:2]])
    (drawn.home.ledger / "tuned" / "run.json").unlink()
    report = drawn.import_runs()
    assert (report.runs, report.exposures, len(report.problems)) == ([], 0, 1)
    assert "tuned/run.json cannot be read" in report.problems[0]


def test_a_damaged_manifest_stops_no_other_run(drawn: Catalog) -> None:
    train(drawn, "tuned", [members(drawn)[:2]])
    (drawn.home.ledger / "broken").mkdir()
    (drawn.home.ledger / "broken" / "run.json").write_text("{")
    (drawn.home.ledger / "empty").mkdir()
    report = drawn.import_runs()
    assert (report.runs, report.exposures, len(report.problems)) == (["tuned"], 2, 1)
    assert "broken/run.json does not describe a run" in report.problems[0]
    with pytest.raises(InvalidInput, match="does not describe a run"):
        drawn.import_runs(["broken"])
    with pytest.raises(UnknownName, match="no ledger named 'tunde'"):
        drawn.import_runs(["tunde"])


def test_a_ledger_of_another_place_is_imported_by_its_path(drawn: Catalog, tmp_path: Path) -> None:
    with Ledger(tmp_path / "cluster", "far") as ledger:
        ledger.record(members(drawn)[:1], step=1)
    report = drawn.import_runs([str(tmp_path / "cluster" / "far")])
    assert (report.runs, report.exposures) == (["far"], 1)
    assert drawn.import_runs().runs == []


def test_a_snapshot_that_is_not_here_is_told_of(drawn: Catalog) -> None:
    train(drawn, "lost", [members(drawn)[:1]], snapshot="gone@3")
    train(drawn, "odd", [members(drawn)[:1]], snapshot="gone@x")
    report = drawn.import_runs()
    assert "run lost: its snapshot gone@3 is not in this catalog" in report.problems
    assert "run odd: its snapshot gone@x is not in this catalog" in report.problems
    assert {row["snapshots"] for row in drawn.runs()} == {"gone@3", "gone@x"}
    assert only(drawn, "select distinct snapshot_id from run_snapshot") == [(None,)]


def test_a_snapshot_without_a_version_is_the_newest_when_the_run_began(drawn: Catalog) -> None:
    train(drawn, "early", [members(drawn)[:1]], snapshot="drawn")
    drawn.select("drawn", method="random", size=6, seed=1)
    train(drawn, "late", [members(drawn)[:1]], snapshot="drawn")
    drawn.import_runs()
    found = only(
        drawn,
        "select r.name, s.version from run as r join run_snapshot using (run_id) "
        "join snapshot as s using (snapshot_id) order by r.name",
    )
    assert found == [("early", 1), ("late", 2)]


def test_a_config_that_is_no_json_is_imported(drawn: Catalog) -> None:
    config = {"loss": float("nan"), "best": float("inf"), "nested": [{"lr": 1e-5}], "text": "ü\0"}
    train(drawn, "odd", [members(drawn)[:1]], config=config)
    train(drawn, "torn", [members(drawn)[:1]], config={"text": "\ud800"})
    assert drawn.import_runs().problems == []
    [row, torn] = drawn.sql("select manifest from run order by name").to_pylist()
    assert json.loads(torn["manifest"])["config"] == {"text": "?"}
    assert json.loads(row["manifest"])["config"] == config | {"loss": "NaN", "best": "Infinity"}


def test_nothing_to_import_is_no_error(drawn: Catalog) -> None:
    report = drawn.import_runs()
    assert (report.runs, report.segments, report.problems) == ([], 0, [])
