"""Audits of runs made up at random say what plain Python says of them."""

import json
import shutil
from pathlib import Path

import pytest

import catalog
import ingest
from catalog import Catalog
from catalog.ledger import Ledger
from tests.audit_tree import Shown, Tree, grouped, heads, repeats
from tests.conftest import talk

UNKNOWN = ["ab" * 32, "cd" * 32]
SEEDS = (1, 3)


@pytest.fixture(scope="module", params=SEEDS)
def made(
    request: pytest.FixtureRequest, stocked_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Catalog, dict[str, Tree]]:
    """A home with a run, one tuned from a checkpoint of it, and one that stands alone."""
    home = shutil.copytree(stocked_home, tmp_path_factory.mktemp("tree") / "home")
    cat = catalog.open(home)
    few = cat.select("few", method="random", size=16, seed=request.param)
    marks = few.members()["hash"].to_pylist()
    others = cat.sql("select hash from pool where source = 'c' order by hash").to_pylist()
    hashes = [*marks[:12], *(row["hash"] for row in others), *UNKNOWN, *marks[12:14]]
    base = Tree("base", hashes, request.param).log(cat)
    step = max(step for attempt, step in base.checkpoints if base.leads(attempt, step, base.head()))
    tuned = Tree("tuned", hashes, request.param + 50, parent=f"base:{step}").log(cat, attempts=2)
    other = Tree("other", hashes[5:], request.param + 90).log(cat, attempts=1)
    report = cat.import_runs()
    assert report.problems == []
    return cat, {tree.run: tree for tree in (base, tuned, other)}


Made = tuple[Catalog, dict[str, Tree]]


def test_every_model_of_a_run_saw_what_it_saw(made: Made) -> None:
    cat, trees = made
    members = set(cat.snapshot("few@1").members()["hash"].to_pylist())
    for tree in trees.values():
        for attempt, step in heads(tree):
            rows = tree.effective(tree.head() if attempt is None else attempt, step)
            seen = {row.hash for row in rows}
            found = cat.audit_run(tree.run, attempt=attempt, step=step)
            contributed = [row for row in rows if row.contributed]
            expected = {
                "exposures": len(rows),
                "contributed_exposures": len(contributed),
                "samples": len(seen),
                "contributed_samples": len({row.hash for row in contributed}),
                "loaded_samples": len(seen - {row.hash for row in contributed}),
                "unknown_exposures": sum(row.hash in UNKNOWN for row in rows),
                "later_pieces": sum(row.start > 0 for row in rows),
                "steps": len({row.step for row in rows}),
                "tokens": sum(row.tokens for row in rows),
                "truncated_tokens": len(rows),
                "loss_tokens": sum(row.loss for row in rows),
                "contributed_loss_tokens": sum(row.loss for row in contributed),
                "repeats": repeats(rows),
                "members": len(members),
                "members_not_seen": len(members - seen),
                "samples_not_members": len(seen - members),
            }
            assert {name: found.summary[name] for name in expected} == expected
            told = grouped(rows, lambda row: row.epoch)
            assert [
                (row["epoch"], row["samples"], row["exposures"], row["members_not_seen"])
                for row in found.epochs
            ] == [
                (epoch, len(hashes), len(told[epoch]), len(members - hashes))
                for epoch in sorted(told)
                for hashes in [{row.hash for row in told[epoch]}]
            ]


def cause(row: Shown) -> str:
    """Why an exposure did not contribute."""
    if row.applied is None:
        return "the step was never confirmed"
    return "no token had a loss" if row.applied else "the step was skipped"


def test_sources_snapshots_and_causes_add_up(made: Made) -> None:
    cat, trees = made
    first = {
        row["hash"]: row["source"] for row in cat.sql("select hash, source from pool").to_pylist()
    }
    members = set(cat.snapshot("few@1").members()["hash"].to_pylist())
    for tree in trees.values():
        rows = tree.effective(tree.head())
        found = cat.audit_run(tree.run)
        by = grouped(rows, lambda row: first.get(row.hash, "(not in the catalog)"))
        assert {
            row["source"]: (row["samples"], row["exposures"], row["contributed"], row["tokens"])
            for row in found.sources
        } == {
            source: (
                len({row.hash for row in some}),
                len(some),
                sum(row.contributed for row in some),
                sum(row.tokens for row in some),
            )
            for source, some in by.items()
        }
        idle = grouped([row for row in rows if not row.contributed], cause)
        assert {row["cause"]: row["exposures"] for row in found.loaded} == {
            why: len(some) for why, some in idle.items()
        }
        seen = {row.hash for row in rows}
        chain = {row["attempt"] for row in found.chain}
        left_out = tree.dropped if 0 in chain else set()
        [promise] = found.snapshots
        assert (promise["seen"], promise["contributed"], promise["dropped"]) == (
            len(members & seen),
            len(members & {row.hash for row in rows if row.contributed}),
            len(members & left_out - seen),
        )


def test_a_tuned_run_inherits_what_its_parent_saw_up_to_there(made: Made) -> None:
    cat, trees = made
    found = cat.audit_run("tuned", ancestors=True)
    [parent] = found.parents
    base, tuned = trees["base"], trees["tuned"]
    assert parent.run == "base"
    assert parent.attempt is not None
    rows = tuned.effective(tuned.head()) + base.effective(parent.attempt, parent.step)
    assert found.summary["exposures"] == len(rows)
    assert found.summary["samples"] == len({row.hash for row in rows})
    assert [one.run for one in found.coverage] == ["tuned", "base"]


def test_every_sample_names_its_runs_steps_and_checkpoints(made: Made) -> None:
    cat, trees = made
    for mark in trees["base"].hashes:
        found = cat.audit_sample(mark)
        assert found.known is (mark not in UNKNOWN)
        expected = []
        containing = []
        for run, tree in sorted(trees.items()):
            mine = grouped([row for row in tree.rows if row.hash == mark], lambda row: row.attempt)
            for attempt, rows in sorted(mine.items()):
                effective = [r for r in rows if tree.leads(attempt, r.step, tree.head())]
                expected.append(
                    (
                        run,
                        attempt,
                        len(rows),
                        sum(row.contributed for row in rows),
                        len(effective),
                        sorted({row.step for row in rows}),
                        sorted({row.step for row in rows if not row.contributed}),
                    )
                )
            containing += [
                (run, attempt, step)
                for attempt, step in sorted(tree.checkpoints)
                if any(
                    row.contributed and tree.leads(row.attempt, row.step, attempt, step)
                    for rows in mine.values()
                    for row in rows
                )
            ]
        names = (
            *("run", "attempt", "exposures", "contributed", "effective"),
            *("steps", "loaded_steps"),
        )
        assert [tuple(row[name] for name in names) for row in found.runs] == expected
        assert [(r["run"], r["attempt"], r["step"]) for r in found.checkpoints] == containing


def test_sources_and_overlaps_count_what_the_newest_models_saw(made: Made) -> None:
    cat, trees = made
    every = cat.sql(
        "select distinct source, sample_id, hash from appearance join sample using "
        "(sample_id), lateral (select lower(hex(content_hash)) as hash)"
    ).to_pylist()
    effective = {run: tree.effective(tree.head()) for run, tree in trees.items()}
    for source in ("a", "b", "c"):
        held = {row["hash"] for row in every if row["source"] == source}
        only = held - {row["hash"] for row in every if row["source"] != source}
        found = cat.audit_source(source)
        assert (found.samples, found.only_there) == (len(held), len(only))
        expected = {}
        for run, rows in effective.items():
            mine = [row for row in rows if row.hash in held]
            shown = sum(row.hash in held for row in trees[run].rows)
            if shown:
                expected[run] = (
                    len({row.hash for row in mine}),
                    len({row.hash for row in mine} & only),
                    len(mine),
                    sum(row.contributed for row in mine),
                    shown - len(mine),
                )
        names = ("samples", "only_there", "exposures", "contributed", "undone")
        assert {r["run"]: tuple(r[name] for name in names) for r in found.runs} == expected
    a, b = ({row.hash for row in effective[run]} for run in ("base", "other"))
    overlap = cat.audit_overlap("base", "other")
    assert (overlap.both, overlap.only_a, overlap.only_b) == (len(a & b), len(a - b), len(b - a))
    assert overlap.jaccard == len(a & b) / len(a | b)
    assert overlap.shared_exposures_a == sum(row.hash in b for row in effective["base"])
    assert sum(row["both"] for row in overlap.sources) == overlap.both
    rows = cat.overlapping_samples("base", "other").to_pylist()
    assert {row["hash"] for row in rows if row["seen_by"] == "both"} == a & b


def test_the_views_say_what_the_audits_say(made: Made) -> None:
    cat, trees = made
    for run in trees:
        found = cat.audit_run(run)
        [whole] = cat.sql(
            "select count(*) as samples, sum(exposures)::bigint as exposures, "
            "sum(contributed)::bigint as contributed from run_samples where run = $run",
            run=run,
        ).to_pylist()
        told = ("samples", "exposures", "contributed_exposures")
        assert list(whole.values()) == [found.summary[name] for name in told]
        sources = cat.sql(
            "select source, samples, exposures from run_sources where run = $run", run=run
        ).to_pylist()
        assert {(row["source"], row["samples"], row["exposures"]) for row in sources} == {
            (None if "(" in row["source"] else row["source"], row["samples"], row["exposures"])
            for row in found.sources
        }
    [pair] = cat.sql(
        "select both_saw, only_a from run_overlap where run_a = 'base' and run_b = 'other'"
    ).to_pylist()
    overlap = cat.audit_overlap("base", "other")
    assert list(pair.values()) == [overlap.both, overlap.only_a]
    for source in ("a", "c"):
        viewed = cat.sql("select * from source_runs where source = $s", s=source).to_pylist()
        audited = cat.audit_source(source).runs
        told = ("run", "samples", "only_there", "exposures", "contributed")
        assert {tuple(row[name] for name in told) for row in viewed} == {
            tuple(row[name] for name in told) for row in audited if row["exposures"]
        }


def test_a_hash_that_was_logged_first_is_the_sample_it_turns_out_to_be(
    stocked_home: Path, tmp_path: Path
) -> None:
    cat = catalog.open(shutil.copytree(stocked_home, tmp_path / "home"))
    path = tmp_path / "late.jsonl"
    path.write_text(json.dumps(talk("Late?", id="late")) + "\n")
    mark = catalog.content_hash(talk("Late?")["messages"])
    with Ledger(cat.home.path, "early") as ledger:
        ledger.record([mark, mark], step=1)
    cat.import_runs()
    assert not cat.audit_sample(mark).known
    assert cat.audit_run("early").summary["unknown_exposures"] == 2
    ingest.load(cat, [path], source="late")
    found = cat.audit_sample("late")
    assert (found.hash, found.known) == (mark, True)
    assert [(row["run"], row["exposures"]) for row in found.runs] == [("early", 2)]
    assert cat.audit_run("early").summary["unknown_exposures"] == 0
    assert cat.audit_source("late").runs[0]["samples"] == 1
