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
from catalog.ledger import SCHEMA, Ledger
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


def train(cat: Catalog, run: str, steps: list[list[str]], **options: Any) -> None:
    with Ledger(cat.home.ledger, run, flush_seconds=0, **options) as ledger:
        for step, hashes in enumerate(steps, 1):
            ledger.record(step=step, content_hashes=hashes)


def seen(cat: Catalog) -> list[tuple[Any, ...]]:
    statement = (
        "select run, attempt, step, position, hash, sample_id is not null as known from seen "
        "order by all"
    )
    return [tuple(row.values()) for row in cat.sql(statement).to_pylist()]


def test_a_ledger_is_taken_in_once(drawn: Catalog) -> None:
    marks = members(drawn)
    train(drawn, "tuned", [marks[:2], marks[2:5]], snapshot="drawn@1", model="tiny")
    first = drawn.import_runs()
    assert (first.runs, first.segments, first.exposures) == (["tuned"], 2, 5)
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
    told = {key: run[key] for key in ("name", "model", "snapshot", "attempts", "last_step")}
    assert told == {
        "name": "tuned",
        "model": "tiny",
        "snapshot": "drawn@1",
        "attempts": 1,
        "last_step": 2,
    }


def test_what_a_run_logs_later_is_added(drawn: Catalog) -> None:
    marks = members(drawn)
    train(drawn, "tuned", [marks[:2]])
    drawn.import_runs()
    train(drawn, "tuned", [marks[2:4]])  # resumed
    report = drawn.import_runs()
    assert (report.segments, report.exposures) == (1, 2)
    assert [(row[1], row[2]) for row in seen(drawn)] == [(0, 1), (0, 1), (1, 1), (1, 1)]
    assert drawn.runs()[0]["attempts"] == 2


def test_importing_stopped_halfway_goes_on(drawn: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    from catalog import runs

    marks = members(drawn)
    train(drawn, "tuned", [[mark] for mark in marks])
    monkeypatch.setattr(runs, "SEGMENTS_PER_COMMIT", 2)
    through, calls = runs._take, iter(range(1))

    def stop(*args: Any) -> int:
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return through(*args)

    with monkeypatch.context() as patched:
        patched.setattr(runs, "_take", stop)
        with pytest.raises(KeyboardInterrupt):
            drawn.import_runs()
    assert len(seen(drawn)) == 2
    assert drawn.import_runs().segments == 4
    assert [row[2] for row in seen(drawn)] == [1, 2, 3, 4, 5, 6]


def test_samples_that_the_catalog_does_not_know_are_kept_and_counted(drawn: Catalog) -> None:
    train(drawn, "tuned", [[members(drawn)[0], "ab" * 32]])
    report = drawn.import_runs()
    assert (report.exposures, report.unknown) == (2, 1)
    assert [(row[4], row[5]) for row in seen(drawn)] == [
        (members(drawn)[0], True),
        ("ab" * 32, False),
    ]


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
    assert drawn.audit_run("early").summary["unknown_exposures"] == 1
    ingest.load(drawn, [path], source="late")
    assert [found[5] for found in seen(drawn)] == [True]
    [run] = drawn.audit_sample(row["hash"]).runs
    assert (run["run"], run["steps"]) == ("early", [1])
    audit = drawn.audit_run("early")
    assert (audit.summary["samples"], audit.summary["unknown_exposures"]) == (1, 0)
    assert [source["source"] for source in audit.sources] == ["late"]
    assert drawn.runs()[0]["samples"] == 1


def damage(cat: Catalog, name: str, content: bytes) -> None:
    (cat.home.ledger / "tuned" / f"{name}.arrow").write_bytes(content)


def table_bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def test_damaged_and_foreign_segments_are_told_of_and_skipped(drawn: Catalog) -> None:
    marks = members(drawn)
    train(drawn, "tuned", [marks[:2]])
    [whole] = (drawn.home.ledger / "tuned").glob("*.arrow")
    content = whole.read_bytes()
    nulls = pa.table({field.name: pa.nulls(1, field.type) for field in SCHEMA}, schema=SCHEMA)
    foreign = pa.table({"step": [1]})
    damage(drawn, "empty", b"")
    damage(drawn, "noise", bytes(range(256)) * 4)
    damage(drawn, "half", content[: len(content) // 2])
    damage(drawn, "foreign", table_bytes(foreign))
    damage(drawn, "nulls", table_bytes(nulls))
    (drawn.home.ledger / "tuned" / "folder.arrow").mkdir()
    report = drawn.import_runs()
    assert (report.segments, report.exposures) == (1, 2)
    names = [problem.split(".arrow")[0].rsplit("/", 1)[1] for problem in report.problems]
    assert names == ["empty", "folder", "foreign", "half", "noise", "nulls"]
    assert drawn.audit_run("tuned").unimported == ["tuned"]


def test_a_segment_that_changed_is_told_of_and_left_as_it_was(drawn: Catalog) -> None:
    marks = members(drawn)
    train(drawn, "tuned", [marks[:2]])
    drawn.import_runs()
    [path] = (drawn.home.ledger / "tuned").glob("*.arrow")
    shutil.rmtree(drawn.home.ledger)
    train(drawn, "tuned", [marks[2:4]])
    report = drawn.import_runs()
    assert report.problems == [f"{path}: changed since it was imported; left as it was"]
    assert [row[4] for row in seen(drawn)] == marks[:2]


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
        ledger.record(step=1, content_hashes=members(drawn)[:1])
    report = drawn.import_runs([str(tmp_path / "cluster" / "far")])
    assert (report.runs, report.exposures) == (["far"], 1)
    assert drawn.import_runs().runs == []


def test_a_snapshot_that_is_not_here_is_told_of(drawn: Catalog) -> None:
    train(drawn, "lost", [members(drawn)[:1]], snapshot="gone@3")
    train(drawn, "odd", [members(drawn)[:1]], snapshot="gone@x")
    report = drawn.import_runs()
    assert "run lost: its snapshot gone@3 is not in this catalog" in report.problems
    assert "run odd: 'gone@x' names no version" in report.problems
    assert {row["snapshot"] for row in drawn.runs()} == {None}


def test_a_snapshot_without_a_version_is_the_newest_when_the_run_began(drawn: Catalog) -> None:
    train(drawn, "early", [members(drawn)[:1]], snapshot="drawn")
    drawn.select("drawn", method="random", size=6, seed=1)
    train(drawn, "late", [members(drawn)[:1]], snapshot="drawn")
    drawn.import_runs()
    found = {row["name"]: row["snapshot"] for row in drawn.runs()}
    assert found == {"early": "drawn@1", "late": "drawn@2"}


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
