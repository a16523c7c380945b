"""The home held against itself: every fault that is planted is named, with what mends it."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import lancedb
import pyarrow as pa
import pytest
from click.testing import CliRunner

import ingest
from catalog import Catalog, schema
from catalog.checking import Fault
from catalog.checking.rules import broken_rule
from catalog.cli import cli
from catalog.model import NamedSpace
from catalog.sql import load, names
from catalog.store import Store
from tests.conftest import talk
from tests.tiny import add_vectors

NOW = datetime(2025, 1, 1, tzinfo=UTC)
RUN = {"run_id": 1, "name": "r", "tags": {}, "manifest": {}, "started_at": NOW}
ATTEMPT = {"run_id": 1, "attempt": 0, "parent_step": 0, "assumed": False, "manifest": {}}
STEP = {"run_id": 1, "attempt": 0, "rank": 0, "step": 1, "exposures": 1, "applied": True}
EXPOSURE = {
    **dict.fromkeys(("attempt", "micro_step", "rank", "position", "epoch"), 0),
    **{"run_id": 1, "step": 1, "sample_id": 1, "repeated": False},
}


@pytest.fixture
def stocked(cat: Catalog, write_jsonl: Callable[..., Path]) -> Catalog:
    """Six samples, a task, a snapshot, and a run of one step that was shown one of them."""
    rows = [talk(f"Question {n}?", "x" * (n + 1), id=f"s{n}") for n in range(6)]
    ingest.load(cat, [write_jsonl("a.jsonl", rows)], source="a")
    ingest.add_task(cat, "t", write_jsonl("t.jsonl", [talk("What?")]))
    cat.select("s", method="random", size=4)
    with Store(cat.home).write("runs") as transaction:
        transaction.insert(schema.run, RUN)
        transaction.insert(schema.attempt, ATTEMPT)
        transaction.insert(schema.training_step, STEP)
        transaction.insert(schema.exposure, EXPOSURE)
        for row in transaction.rows(load("runs/coverage"), run_id=1):
            columns = schema.run_coverage.c.keys()
            transaction.insert(schema.run_coverage, {k: v for k, v in row.items() if k in columns})
    return cat


def change(cat: Catalog, *statements: str) -> None:
    with Store(cat.home).write("fault") as transaction:
        for statement in statements:
            transaction.connection.execute(statement)


def faults(cat: Catalog) -> dict[str, Fault]:
    return {fault.check: fault for fault in cat.check().faults}


def test_a_whole_home_has_no_faults(stocked: Catalog) -> None:
    found = stocked.check()
    assert found.faults == []
    assert found.checks == len(names("check")) + 9
    done = CliRunner().invoke(cli, ["--home", str(stocked.home.path), "check"])
    assert (done.exit_code, done.stdout) == (0, f"{found.checks} checks: all is in order\n")


AGAIN = "insert into {0} select * from {0} limit 1"
PLANTED = {
    "appearance_without_sample": "update sample_source set source_id = 9 where line = 1",
    "attempt_twice": AGAIN.format("attempt"),
    "attempt_without_parent": "update attempt set parent_attempt = 3",
    "attempt_without_run": "update run set parent_run_id = 7",
    "export_without_snapshot": "insert into export values (1, 9, 'jsonl', '/x', 4, now(), 1)",
    "exposure_of_nobody": "update exposure set sample_id = -4",
    "exposure_twice": AGAIN.format("exposure"),
    "exposure_without_run": "update exposure set attempt = 5",
    "job_counts": "update job set rows_read = 99 where job_id = 1",
    "mark_without_check": "insert into contamination_mark values (1, 1, 1, 1, 'a', 'x', '', 1, 1)",
    "member_without_sample": "update snapshot_member set sample_id = 77 where position = 0",
    "name_twice": AGAIN.format("source"),
    "purge_without_sample": "insert into retirement values (99, true, 'x', 1)",
    "purged_with_text": "insert into purge values (1, now(), 1)",
    "query_without_task": "delete from query",
    "row_without_change": "update sample set change_id = 999 where sample_id = 1",
    "run_of_missing_snapshot": "insert into run_snapshot values (1, 0, 9, 's@9', 'x', 1)",
    "run_twice": AGAIN.format("run"),
    "sample_twice": "update sample set content_hash = (select min(content_hash) from sample)",
    "sample_without_appearance": "delete from sample_source where line = 1",
    "sample_without_source": "update sample_source set repeated = true where line = 1",
    "score_twice": "insert into sample_score select 1, 1, 1, null, null, 1 from range(2)",
    "score_without_sample": "insert into sample_score values (1, 50, 1, null, null, 1)",
    "segment_twice": "insert into ledger_segment by name select 1 as run_id, 'x' as name, "
    "'steps' as kind, '' as digest, 0 as rows, 1 as change_id from range(2)",
    "snapshot_size": "delete from snapshot_member where position = 1",
    "step_twice": AGAIN.format("training_step"),
    "text_missing": "update sample set messages = [] where sample_id = 2",
    "unknown_twice": "insert into unknown_sample select -1, 'x'::blob, 1 from range(2)",
}


def test_every_rule_has_a_fault_planted() -> None:
    assert sorted(PLANTED) == names("check")
    assert all(load(f"check/{name}").mend for name in PLANTED)


@pytest.mark.parametrize("name", PLANTED)
def test_a_broken_rule_is_named_with_what_mends_it(stocked: Catalog, name: str) -> None:
    change(stocked, PLANTED[name])
    [found] = broken_rule(stocked.home, name)
    assert found.check == f"check/{name}"
    assert found.what and found.examples and found.found >= 1
    assert found.mend == load(f"check/{name}").mend


def test_the_command_leaves_with_1_and_says_what_to_do(stocked: Catalog) -> None:
    change(stocked, PLANTED["text_missing"])
    words = ["--home", str(stocked.home.path), "check"]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 1
    assert "check/text_missing: Samples without text that were not purged." in done.stdout
    assert "to mend it: restore a backup" in done.stdout
    found = json.loads(CliRunner().invoke(cli, [*words, "--json"]).stdout)
    assert [fault["check"] for fault in found["faults"]] == ["check/text_missing"]


def test_a_snapshot_of_other_members_is_named(stocked: Catalog) -> None:
    change(
        stocked,
        "update snapshot_member set position = 3 - position",
    )
    found = faults(stocked)
    assert list(found) == ["snapshots"]
    assert found["snapshots"].what == "the members of s@1 are not those that were frozen"


def test_a_text_that_is_not_that_of_its_hash_is_named(stocked: Catalog) -> None:
    change(
        stocked,
        "update sample set messages = (select messages from sample where sample_id = 1) "
        "where sample_id = 6",
    )
    with Store(stocked.home).read() as reader:
        altered = reader.value("select lower(hex(content_hash)) from sample where sample_id = 6")
    fault = faults(stocked)["texts"]
    assert (fault.found, fault.examples) == (1, (altered,))


def test_coverage_that_does_not_match_is_named(stocked: Catalog) -> None:
    change(stocked, "update run_coverage set recorded_steps = 7")
    found = faults(stocked)["coverage"]
    assert found.examples == ("r, attempt 0: recorded_steps is 7, should be 1",)
    assert "catalog runs import" in found.mend


@pytest.fixture
def space(stocked: Catalog) -> NamedSpace:
    """A space with vectors of all samples and the query."""
    vectors = {n: [n, 1.0, 2.0] for n in range(1, 7)}
    return add_vectors(stocked, "one", vectors, {1: [1.0, 0, 0]})


def opened(cat: Catalog, space: NamedSpace) -> Any:
    return lancedb.connect(cat.home.vectors).open_table(space.space.table_name)


def add_rows(cat: Catalog, space: NamedSpace, *ids: int) -> None:
    """Add vectors as no code of ours would: it never checks."""
    table = opened(cat, space)
    row = table.to_arrow().slice(0, 1).to_pylist()[0]
    rows = [{**row, "sample_id": number} for number in ids]
    table.add(pa.Table.from_pylist(rows, schema=table.schema))


def test_vectors_of_samples_that_are_not_there_are_named_and_mended(
    stocked: Catalog, space: NamedSpace
) -> None:
    assert faults(stocked) == {}
    add_rows(stocked, space, 50, 51)
    found = faults(stocked)["vectors"]
    assert found.what == "the sample vectors of the space 'one': of samples that are not there"
    assert (found.examples, found.found) == (("50", "51"), 2)
    assert "catalog purge --yes" in found.mend
    stocked.purge()
    assert faults(stocked) == {}


def test_a_sample_with_two_vectors_is_named(stocked: Catalog, space: NamedSpace) -> None:
    add_rows(stocked, space, 3)
    found = faults(stocked)["vectors"]
    assert (found.what, found.examples) == (
        "the sample vectors of the space 'one': samples that have several",
        ("3",),
    )


def test_vectors_of_purged_samples_are_named_and_mended(
    stocked: Catalog, space: NamedSpace
) -> None:
    stocked.retire(where="sample_id = 2", reason="x")
    stocked.purge()
    assert faults(stocked) == {}
    add_rows(stocked, space, 2)
    assert faults(stocked)["vectors"].what.endswith("of purged samples")
    stocked.purge()
    assert faults(stocked) == {}


def test_tables_without_spaces_and_spaces_without_tables_are_named(
    stocked: Catalog, space: NamedSpace
) -> None:
    folder = stocked.home.vectors / f"{space.space.table_name}.lance"
    folder.rename(stocked.home.vectors / "stray.lance")
    found = [fault.what for fault in stocked.check().faults]
    assert found == [
        "LanceDB tables of no space",
        f"the space 'one' has no LanceDB table {space.space.table_name}",
    ]


def test_vectors_of_another_width_are_named(stocked: Catalog, space: NamedSpace) -> None:
    change(stocked, "update embedding_space set width = 4")
    with Store(stocked.home).read() as reader:
        from catalog.spaces import the_space

        renamed = the_space(reader, "one").space.table_name
    folder = stocked.home.vectors / f"{space.space.table_name}.lance"
    if renamed != space.space.table_name:
        folder.rename(stocked.home.vectors / f"{renamed}.lance")
    assert any("expected fixed_size_list" in fault.what for fault in stocked.check().faults)


def test_a_damaged_table_is_named(stocked: Catalog, space: NamedSpace) -> None:
    folder = stocked.home.vectors / f"{space.space.table_name}.lance"
    for path in folder.glob("data/*.lance"):
        path.write_bytes(path.read_bytes()[:40])
    found = faults(stocked)["vectors"]
    assert "the sample vectors of the space 'one' cannot be read" in found.what
    assert "catalog embed --space one" in found.mend


def test_segments_that_changed_or_are_gone_since_import_are_named(stocked: Catalog) -> None:
    from hashlib import sha256

    folder = stocked.home.ledger / "r"
    folder.mkdir(parents=True)
    for name in ("a", "b", "c"):
        (folder / name).write_bytes(b"as it was")
        row = {"run_id": 1, "name": name, "kind": "steps", "rows": 0}
        with Store(stocked.home).write("runs") as transaction:
            digest = sha256(b"as it was").hexdigest()
            transaction.insert(schema.ledger_segment, {**row, "digest": digest})
    before = [fault for fault in stocked.check().faults if fault.check == "ledger"]
    (folder / "b").write_bytes(b"as it is")
    (folder / "c").unlink()
    after = [fault for fault in stocked.check().faults if fault.check == "ledger"]
    assert before == []
    assert [(fault.what, fault.examples) for fault in after] == [
        ("segments changed since they were imported", (str(folder / "b"),)),
        ("segments are gone since they were imported", (str(folder / "c"),)),
    ]


def test_what_was_left_behind_is_named(stocked: Catalog) -> None:
    home = stocked.home
    (home.staging / "job-1-x").mkdir(parents=True)
    (home.path / ".catalog.rewritten.duckdb").touch()
    home.cache.mkdir(exist_ok=True)
    (home.cache / "half.arrow").write_bytes(b"ARROW1")
    (home.cache / ".x.arrow.999999999").touch()
    found = [(fault.check, fault.what) for fault in stocked.check().faults]
    assert found == [
        ("staging", "folders of jobs that were killed"),
        ("purge", "a purge was cut short: text or vectors may still be in old files"),
        ("cache", "damaged caches of snapshots"),
        ("cache", "caches that were cut short"),
    ]
    stocked.purge()
    assert faults(stocked) == {}


def test_a_cache_that_lacks_members_is_named(stocked: Catalog) -> None:
    from catalog.training import SnapshotDataset

    SnapshotDataset("s@1", home=stocked.home.path)
    assert faults(stocked) == {}
    [path] = stocked.home.cache.glob("*.arrow")
    with pa.ipc.open_file(path.read_bytes()) as reader:
        whole = reader.read_all()
    with pa.ipc.new_file(str(path), whole.schema) as writer:
        writer.write_table(whole.slice(0, 3))
    assert faults(stocked)["cache"].examples == (f"{path}: 3 members of 4",)


def test_a_damaged_database_is_a_fault_and_no_traceback(stocked: Catalog, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(stocked.home.path, broken)
    path = broken / "catalog.duckdb"
    size = path.stat().st_size
    with path.open("rb+") as file:
        file.seek(size // 2)
        file.write(b"\xff" * (size - size // 2))
    done = CliRunner().invoke(cli, ["--home", str(broken), "check"])
    assert done.exit_code == 1
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert "catalog restore" in done.output
