"""What an audit says beside its numbers: order, repeats, leaks, coverage, and files of its rows."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import catalog
import ingest
from catalog import Catalog
from catalog.audit.coverage import Coverage, all_runs
from catalog.audit.order import permutation
from catalog.cli import cli
from catalog.errors import InvalidInput, UnknownName
from catalog.ledger import Ledger
from catalog.model import NamedSpace
from catalog.training.order import Order
from catalog.vectors import Floats
from tests.conftest import talk
from tests.tiny import add_vectors


@pytest.fixture
def few(stocked_home: Path, tmp_path: Path) -> Catalog:
    """A home with the snapshot `few@1` of twelve members."""
    cat = catalog.open(shutil.copytree(stocked_home, tmp_path / "home"))
    cat.select("few", method="random", size=12)
    return cat


def members(cat: Catalog) -> list[str]:
    found: list[str] = cat.snapshot("few@1").members()["hash"].to_pylist()
    return found


def train(cat: Catalog, run: str, batches: list[list[str]], **about: Any) -> None:
    with Ledger(cat.home.path, run, **about) as ledger:
        for step, batch in enumerate(batches, 1):
            ledger.record(batch, step=step, epoch=(step - 1) // 4)


def out(cat: Catalog, *words: str) -> str:
    done = CliRunner().invoke(cli, ["--home", str(cat.home.path), *words])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("size", [0, 1, 2, 3, 6, 100, 1025])
def test_a_whole_order_is_the_order_place_by_place(size: int) -> None:
    order = Order(size, seed=size, epoch=3)
    assert permutation(order).tolist() == [order[place] for place in range(size)]


def test_the_snapshots_order_is_recognised_and_its_breaks_counted(few: Catalog) -> None:
    marks = members(few)
    batches = [marks[start : start + 3] for start in (0, 3, 6, 9)]
    train(few, "straight", [[c, b, a] for a, b, c in batches] * 2, snapshot="few@1")
    train(few, "crooked", [batches[1], batches[0], *batches[2:]], snapshot="few@1")
    few.import_runs()
    straight, crooked = few.audit_run("straight"), few.audit_run("crooked")
    assert [(one.epoch, one.seen, one.out_of_order) for one in straight.order] == [
        (0, 12, 0),
        (1, 12, 0),
    ]
    assert [(one.promised, one.out_of_order) for one in crooked.order] == [(None, 1)]


def test_a_shuffled_order_that_was_promised_is_held_against_the_steps(few: Catalog) -> None:
    marks = members(few)
    config = {"order": {"kind": "shuffled", "seed": 5}}
    shuffled = [marks[Order(12, 5, epoch)[place]] for epoch in (0, 1) for place in range(12)]
    batches = [shuffled[start : start + 3] for start in range(0, 24, 3)]
    train(few, "kept", batches, snapshot="few@1", config=config)
    train(few, "broken", [*batches[:6], batches[7], batches[6]], snapshot="few@1", config=config)
    few.import_runs()
    found = [(one.promised, one.seen, one.out_of_order) for one in few.audit_run("kept").order]
    assert found == [("shuffled", 12, 0), ("shuffled", 12, 0)]
    assert [one.out_of_order for one in few.audit_run("broken").order] == [0, 1]


def test_a_leak_is_named_with_its_steps_and_every_checkpoint(few: Catalog, tmp_path: Path) -> None:
    leak = "The lighthouse keeper of Skagen counted forty-one ships before the storm took the lamp."
    pool, held = tmp_path / "leak.jsonl", tmp_path / "held.jsonl"
    pool.write_text(json.dumps(talk(leak, "Forty-one.", id="planted")) + "\n")
    held.write_text(json.dumps(talk(leak, "Forty-one.", id="item-7")) + "\n")
    ingest.load(few, [pool], source="web")
    ingest.add_task(few, "ships", held, role="heldout")
    planted = few.audit_sample("planted").hash
    marks = members(few)
    with Ledger(few.home.path, "leaky", snapshot="few@1") as ledger:
        for step, mark in enumerate([marks[0], planted, marks[1], planted], 1):
            ledger.record([mark], step=step)
            state = ledger.checkpoint(step, f"out/{step}")
            kept = state if step == 3 else locals().get("kept", state)
    with Ledger(few.home.path, "leaky", resumed=kept) as ledger:
        ledger.record([marks[2]], step=4)
        ledger.checkpoint(4, "out/4b")
    train(few, "child", [[marks[3]]], parent="leaky:3")
    few.import_runs()
    unchecked = few.audit_contamination("leaky", "ships")
    assert (unchecked.overlaps, unchecked.unchecked) == (
        [],
        ["ships:heldout was never checked against the pool"],
    )
    few.decontaminate(["ships"])
    found = few.audit_contamination("leaky", "ships")
    assert found.unchecked == []
    assert {(row["item"], row["hash"], tuple(row["steps"])) for row in found.overlaps} == {
        ("item-7", planted, (2,))
    }
    assert [(row["attempt"], row["step"]) for row in found.checkpoints] == [
        (0, 2),
        (0, 3),
        (0, 4),
        (1, 4),
    ]
    assert [row["effective"] for row in found.checkpoints] == [True, True, False, True]
    assert [(row["attempt"], row["exposures"], row["first_step"]) for row in found.undone] == [
        (0, 1, 4)
    ]
    assert [row["run"] for row in found.descendants] == ["child"]
    assert few.audit_contamination("child", "ships").overlaps == []
    inherited = few.audit_contamination("child", "ships", ancestors=True).overlaps
    assert {(row["run"], row["generation"], tuple(row["steps"])) for row in inherited} == {
        ("leaky", 1, (2,))
    }
    assert few.audit_contamination("leaky", "ships", step=1).overlaps == []
    abandoned = few.audit_contamination("leaky", "ships", attempt=0).overlaps
    assert {tuple(row["steps"]) for row in abandoned} == {(2, 4)}
    ingest.load(few, [write(tmp_path, "more")], source="more")
    train(few, "late", [[few.audit_sample("more").hash]])
    few.import_runs()
    [said] = few.audit_contamination("late", "ships").unchecked
    assert "did not look at 1 of the samples" in said
    with pytest.raises(UnknownName, match="no task named 'shops'"):
        few.audit_contamination("leaky", "shops")


def write(folder: Path, name: str) -> Path:
    path = folder / f"{name}.jsonl"
    path.write_text(json.dumps(talk(f"What of {name}?", id=name)) + "\n")
    return path


def test_a_run_without_a_ledger_is_not_one_that_saw_nothing(few: Catalog) -> None:
    with Ledger(few.home.path, "told", world_size=2) as ledger:
        ledger.record([members(few)[0]], step=1)
    few.import_runs()
    found = few.audit_run("told")
    [covered] = found.coverage
    assert (covered.recorded_steps, covered.steps, covered.ranks_missing) == (0, 1, 1)
    assert covered.percent == 0.0
    assert "1 rank missing" in covered.sentence
    silent = Coverage("silent", None, 0, 0, 0, 0, 0, 0, unimported=False)
    assert all_runs([silent], []) == (
        "0 of 1 run recorded in full; nothing is recorded of silent: this is not “not seen”"
    )
    assert "no run is recorded" in all_runs([], ["elsewhere"])


def test_a_ledger_that_waits_is_named_beside_every_answer(few: Catalog) -> None:
    marks = members(few)
    train(few, "here", [[marks[0]]])
    few.import_runs()
    train(few, "waiting", [[marks[0]]])
    assert few.audit_sample(marks[0]).unimported == ["waiting"]
    assert "ledgers not imported yet: waiting" in out(few, "audit", "sample", marks[0])
    assert "ledgers not imported yet: waiting" in out(few, "audit", "source", "a")


def test_a_step_that_is_not_there_and_an_attempt_that_is_not_are_refused(few: Catalog) -> None:
    train(few, "short", [[mark] for mark in members(few)[:3]])
    few.import_runs()
    assert few.audit_run("short", step=2).summary["exposures"] == 2
    for step in (0, 4):
        with pytest.raises(InvalidInput, match="attempt 0 has steps 1 to 3"):
            few.audit_run("short", step=step)
    with pytest.raises(UnknownName, match="no attempt 1 of the run 'short'"):
        few.audit_run("short", attempt=1)


def test_a_text_is_found_where_it_is_a_whole_message(few: Catalog) -> None:
    found = few.audit_text("Number 3?")
    assert (found.exact, [m["content"] for m in found.samples[0].messages]) == (
        1,
        ["Number 3?", "xxxx"],
    )
    assert few.audit_text("number 3?").exact == 0
    assert few.audit_text("Number 3? ").exact == 0
    assert few.audit_text("x" * 4).exact == 1
    assert found.note == "nearest samples were not looked for: there is no embedding space"


def test_files_of_an_answer_bear_its_coverage(few: Catalog, tmp_path: Path) -> None:
    marks = members(few)
    train(few, "one", [marks[:2], marks[1:3]])
    train(few, "two", [marks[2:4]])
    few.import_runs()
    path = tmp_path / "rows.parquet"
    out(few, "audit", "run", "one", "--output", str(path))
    rows = pq.read_table(path).to_pylist()
    assert {row["hash"]: row["exposures"] for row in rows} == dict(
        zip(marks[:3], (1, 2, 1), strict=True)
    )
    assert {row["coverage_percent"] for row in rows} == {100.0}
    out(few, "audit", "overlap", "one", "two", "--output", str(path), "--overwrite")
    assert {(row["hash"], row["seen_by"]) for row in pq.read_table(path).to_pylist()} == {
        (marks[0], "a"),
        (marks[1], "a"),
        (marks[2], "both"),
        (marks[3], "b"),
    }
    csv = tmp_path / "rows.csv"
    out(few, "audit", "sample", marks[2], "--output", str(csv))
    lines = csv.read_text().splitlines()
    assert len(lines) == 3
    assert "two: 100.0% of optimizer steps recorded" in lines[2]
    out(few, "audit", "source", "c", "--output", str(tmp_path / "empty.csv"))
    answer = json.loads(out(few, "audit", "overlap", "one", "two", "--json"))
    assert (answer["both"], answer["only_a"], answer["only_b"]) == (1, 2, 1)
    assert [one["run"] for one in answer["coverage"]] == ["one", "two"]


def test_a_text_also_finds_the_nearest_where_there_is_one_space(few: Catalog) -> None:
    rows = few.sql("select sample_id, hash from pool order by sample_id").to_pylist()
    spread = {row["sample_id"]: [1.0, float(at)] for at, row in enumerate(rows)}
    add_vectors(few, "only", spread, {1: [1.0, 0.0]})

    def encode(_: NamedSpace, texts: Sequence[str], /) -> tuple[Floats, Floats]:
        vectors: Floats = np.array([[1.0, 0.0]] * len(texts), np.float32)
        return vectors, np.ones(len(texts), np.float32)

    found = few.audit_text("Number 3?", k=2, encode=encode)
    assert (found.exact, found.note) == (1, None)
    assert found.nearest is not None
    assert [row["hash"] for row in found.nearest.samples] == [row["hash"] for row in rows[:2]]
    with pytest.raises(UnknownName, match="no space named 'other'"):
        few.audit_text("Number 3?", space="other", encode=encode)
