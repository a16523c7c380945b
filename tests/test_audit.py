"""Audits: from a sample to every run that saw it, and from a run to what it saw."""

import json
import shutil
from pathlib import Path

import pytest

import catalog
import ingest
from catalog import Catalog
from catalog.errors import InvalidInput, UnknownName
from catalog.ledger import Ledger
from catalog.store import Store
from tests.conftest import talk


@pytest.fixture(scope="module")
def trained_home(stocked_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two snapshots and two runs: `whole` saw all of `few@1`, `half` three of it and one more."""
    home = shutil.copytree(stocked_home, tmp_path_factory.mktemp("trained") / "home")
    cat = catalog.open(home)
    few = cat.select("few", method="random", size=6)
    cat.select("all", sql="from pool order by sample_id")
    marks = few.members()["hash"].to_pylist()
    [other] = cat.sql(
        "select min(hash) as hash from pool where sample_id not in "
        "(select sample_id from member where snapshot = 'few@1')"
    ).to_pylist()
    with Ledger(cat.home.ledger, "whole", snapshot="few@1", model="tiny") as ledger:
        for step in (1, 2, 3):
            ledger.record(step=step, content_hashes=marks[2 * step - 2 : 2 * step])
        ledger.record(step=4, content_hashes=marks[:2], epoch=1)
    with Ledger(cat.home.ledger, "half", snapshot="few@1") as ledger:
        ledger.record(step=7, content_hashes=[*marks[:3], other["hash"], "cd" * 32])
    cat.import_runs()
    return home


@pytest.fixture
def trained(trained_home: Path, tmp_path: Path) -> Catalog:
    return catalog.open(shutil.copytree(trained_home, tmp_path / "home"))


def first(cat: Catalog) -> str:
    mark: str = cat.snapshot("few@1").members()["hash"].to_pylist()[0]
    return mark


def test_a_sample_tells_its_sources_snapshots_and_runs(trained: Catalog) -> None:
    audit = trained.audit_sample(first(trained))
    assert audit.hash == first(trained)
    assert [m["role"] for m in audit.messages] == ["user", "assistant"]
    assert audit.retired is None
    assert {row["source"] for row in audit.sources} <= {"a", "b", "c"}
    found = [(row["snapshot"], row["method"]) for row in audit.snapshots]
    assert found == [("few@1", "random"), ("all@1", "sql")]
    assert audit.snapshots[0]["position"] == 0
    runs = [(row["run"], row["exposures"], row["steps"]) for row in audit.runs]
    assert runs == [("half", 1, [7]), ("whole", 2, [1, 4])]
    assert audit.unimported == []


def test_a_sample_of_two_sources_tells_both_in_order(trained: Catalog) -> None:
    audit = trained.audit_sample("s39")
    assert [(row["source"], row["external_id"]) for row in audit.sources] == [
        ("b", "s39"),
        ("c", "s39"),
    ]
    assert [row["line"] for row in audit.sources] == [12, 1]


@pytest.mark.parametrize("cut", [64, 20, 8])
def test_a_sample_is_found_by_its_hash_or_the_beginning_of_it(trained: Catalog, cut: int) -> None:
    mark = first(trained)
    assert trained.audit_sample(mark[:cut]).hash == mark
    assert trained.audit_sample(mark[:cut].upper()).hash == mark


def test_an_id_of_several_samples_is_refused_with_their_hashes(
    trained: Catalog, tmp_path: Path
) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text(json.dumps(talk("Another?", id="s3")) + "\n")
    ingest.load(trained, [path], source="other")
    with pytest.raises(InvalidInput, match="'s3' stands for 2 samples: ") as caught:
        trained.audit_sample("s3")
    hashes = caught.value.message.rsplit(": ")[1].split(", ")
    assert [trained.audit_sample(mark).hash[:16] for mark in hashes] == hashes


@pytest.mark.parametrize(
    "reference", ["nothing", "", "%", "_", "s", "'; drop table sample", "ffffff"]
)
def test_what_names_no_sample_says_so(trained: Catalog, reference: str) -> None:
    with pytest.raises(UnknownName, match="no sample with the hash or id"):
        trained.audit_sample(reference)


def test_a_short_beginning_of_a_hash_is_not_enough(trained: Catalog) -> None:
    with pytest.raises(UnknownName):
        trained.audit_sample(first(trained)[:7])


def test_a_withdrawn_sample_can_still_be_audited(trained: Catalog) -> None:
    mark = first(trained)
    with Store(trained.home).write("test") as transaction:
        transaction.connection.execute(
            "insert into retirement select sample_id, true, 'asked for', $1 from sample "
            "where lower(hex(content_hash)) = $2",
            [transaction.change_id, mark],
        )
    audit = trained.audit_sample(mark)
    assert audit.retired == "asked for"
    assert len(audit.runs) == 2


def test_a_run_tells_what_it_saw_and_what_its_snapshot_holds(trained: Catalog) -> None:
    whole, half = trained.audit_run("whole"), trained.audit_run("half")
    expected = {
        "run": "whole",
        "model": "tiny",
        "snapshot": "few@1",
        "attempts": 1,
        "steps": 4,
        "first_step": 1,
        "last_step": 4,
        "exposures": 8,
        "contributed_exposures": 8,
        "samples": 6,
        "contributed_samples": 6,
        "unknown_exposures": 0,
        "members": 6,
        "members_not_seen": 0,
        "samples_not_members": 0,
        "repeats": 0,
        "tokens": None,
    }
    assert {name: whole.summary[name] for name in expected} == expected
    wanted = (
        "samples",
        "exposures",
        "unknown_exposures",
        "members_not_seen",
        "samples_not_members",
    )
    assert [half.summary[name] for name in wanted] == [5, 5, 1, 3, 2]
    assert sum(row["exposures"] for row in whole.sources) == 8
    assert sum(row["samples"] for row in half.sources) == 5


def test_a_run_that_saw_nothing_is_told_as_such(trained: Catalog) -> None:
    with Ledger(trained.home.ledger, "silent", snapshot="few@1"):
        pass
    trained.import_runs()
    audit = trained.audit_run("silent")
    assert (audit.summary["exposures"], audit.summary["members_not_seen"]) == (0, 6)
    assert audit.sources == []


def test_an_unknown_run_is_guessed_at(trained: Catalog) -> None:
    with pytest.raises(UnknownName, match="no run named 'hole'") as caught:
        trained.audit_run("hole")
    assert str(caught.value.hint).startswith("Did you mean whole?")


def test_what_is_logged_and_not_imported_is_told_with_every_audit(trained: Catalog) -> None:
    with Ledger(trained.home.ledger, "fresh") as ledger:
        ledger.record(step=1, content_hashes=[first(trained)])
    assert trained.audit_sample(first(trained)).unimported == ["fresh"]
    assert trained.audit_run("whole").unimported == ["fresh"]
    trained.import_runs()
    assert trained.audit_sample(first(trained)).unimported == []
    moved = trained.home.ledger / "renamed"
    shutil.move(trained.home.ledger / "fresh", moved)
    assert trained.audit_sample(first(trained)).unimported == []
