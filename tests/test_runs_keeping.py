"""Runs are begun once, finished once, told apart, and descend from each other."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import catalog
from catalog import Catalog
from catalog.cli import cli
from catalog.errors import CatalogError, Conflict, InvalidInput, UnknownName
from catalog.ledger import Ledger

MARK = "ab" * 32


@pytest.fixture(scope="module")
def drawn_home(stocked_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = shutil.copytree(stocked_home, tmp_path_factory.mktemp("drawn") / "home")
    catalog.open(home).select("drawn", method="random", size=6)
    return home


@pytest.fixture
def drawn(drawn_home: Path, tmp_path: Path) -> Catalog:
    """A home of its own with the snapshot `drawn@1` of six members."""
    return catalog.open(shutil.copytree(drawn_home, tmp_path / "home"))


def train(place: Path, run: str, steps: int = 3, **options: Any) -> None:
    with Ledger(place, run, **options) as ledger:
        for step in range(1, steps + 1):
            ledger.record([MARK], step=step)


def only(cat: Catalog, statement: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in cat.sql(statement).to_pylist()]


def command(cat: Catalog, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["--home", str(cat.home.path), *arguments])
    return done.exit_code, done.output


def test_a_run_is_begun_with_what_is_known_of_it(drawn: Catalog) -> None:
    started = drawn.start_run(
        "tuned", model="tiny", snapshots=["drawn"], config={"lr": 1e-5}, tags={"team": "x"}
    )
    assert (started.attempt, started.is_new, started.snapshots) == (0, True, ["drawn@1"])
    train(drawn.home.path, "tuned", snapshot="drawn@1")
    assert drawn.import_runs().problems == []
    view = drawn.show_run("tuned")
    assert (view.run["model"], view.run["tags"], view.run["config"]) == (
        "tiny",
        {"team": "x"},
        {"lr": 1e-5},
    )
    [snapshot] = view.snapshots
    assert (snapshot["snapshot"], snapshot["digest"]) == (
        "drawn@1",
        drawn.snapshot("drawn@1").digest,
    )
    assert (view.coverage or {})["coverage"] == 1.0


def test_a_run_that_is_begun_again_in_the_same_way_goes_on(drawn: Catalog) -> None:
    drawn.start_run("tuned", model="tiny", snapshots=["drawn@1"])
    train(drawn.home.path, "tuned")
    again = drawn.start_run("tuned", snapshots=["drawn"])
    assert (again.attempt, again.is_new) == (1, False)
    assert only(drawn, "select count(*) from run") == [(1,)]
    code, text = command(drawn, "runs", "start", "tuned")
    assert code == 0
    assert "run tuned is here already and goes on as attempt 1" in text


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"model": "big"}, "was begun with model tiny, and now with big"),
        ({"snapshots": ["drawn@1"]}, "was begun with snapshot none, and now with drawn@1"),
        ({"tags": {"a": "2"}}, 'was begun with tags {"a": "1"}, and now with {"a": "2"}'),
        ({"config": {"lr": 1}}, 'was begun with config none, and now with {"lr": 1}'),
    ],
)
def test_a_run_that_is_begun_in_another_way_is_a_conflict(
    drawn: Catalog, other: dict[str, Any], told: str
) -> None:
    drawn.start_run("tuned", model="tiny", tags={"a": "1"})
    with pytest.raises(Conflict) as found:
        drawn.start_run("tuned", **other)
    assert found.value.message == f"the run 'tuned' {told}"


def test_a_run_that_was_logged_before_it_was_begun_goes_on(drawn: Catalog) -> None:
    train(drawn.home.path, "tuned", model="tiny")
    with pytest.raises(Conflict, match="was begun with model"):
        drawn.start_run("tuned", model="big")
    assert only(drawn, "select count(*) from run") == [(0,)]
    assert drawn.start_run("tuned", model="tiny").attempt == 1
    assert drawn.import_runs().exposures == 3


def test_what_a_run_is_begun_with_must_be_here(drawn: Catalog) -> None:
    with pytest.raises(UnknownName, match="no snapshot named 'drown'"):
        drawn.start_run("tuned", snapshots=["drown"])
    with pytest.raises(UnknownName, match="no run named 'base'"):
        drawn.start_run("tuned", parent="base")
    with pytest.raises(InvalidInput, match="cannot be a name"):
        drawn.start_run("a/b")
    assert only(drawn, "select count(*) from run") == [(0,)]
    assert not drawn.home.ledger.exists() or list(drawn.home.ledger.iterdir()) == []


def test_a_finished_run_is_finished(drawn: Catalog) -> None:
    drawn.start_run("tuned", model="tiny")
    train(drawn.home.path, "tuned", steps=4)
    with pytest.raises(Conflict, match="cannot have ended after 3 steps: 4 are recorded"):
        drawn.finish_run("tuned", steps=3)
    finished = drawn.finish_run("tuned", steps=5)
    assert (finished.final_step, finished.problems) == (5, [])
    assert (finished.coverage or {})["coverage"] == 0.8
    for again in (lambda: drawn.finish_run("tuned"), lambda: drawn.start_run("tuned")):
        with pytest.raises(Conflict, match="the run 'tuned' is finished since"):
            again()
    with pytest.raises(Conflict, match="the run 'tuned' is finished"):
        train(drawn.home.path, "tuned")
    assert drawn.import_runs().problems == []
    assert drawn.runs()[0]["coverage"] == 0.8
    with pytest.raises(UnknownName, match="no run named 'tunde'"):
        drawn.finish_run("tunde")


def test_a_parent_has_the_step_that_is_named(drawn: Catalog) -> None:
    train(drawn.home.path, "tuned", steps=4)
    drawn.finish_run("tuned")
    with pytest.raises(Conflict, match="names step 5 of a run that ended after step 4"):
        drawn.start_run("next", parent="tuned:5")
    assert drawn.start_run("next", parent="tuned:4").parent == "tuned:4"
    assert drawn.show_run("next").parent == "tuned:4"


def test_a_run_that_was_never_logged_can_be_finished(drawn: Catalog) -> None:
    drawn.start_run("idle")
    assert drawn.finish_run("idle").coverage is None
    code, text = command(drawn, "runs", "show", "idle")
    assert code == 0 and "recorded: nothing yet" in text


def test_where_a_run_ended_comes_with_its_folder(drawn: Catalog, cat: Catalog) -> None:
    train(drawn.home.path, "tuned", steps=4)
    drawn.finish_run("tuned", steps=8)
    cat.import_runs([str(drawn.home.ledger / "tuned")])
    assert only(cat, "select last_step, recorded_steps from run_coverage") == [(8, 4)]
    assert cat.show_run("tuned").run["final_step"] == 8


def test_two_runs_of_one_name_are_told_apart(drawn: Catalog, tmp_path: Path) -> None:
    train(drawn.home.path, "tuned")
    train(tmp_path / "cluster", "tuned", steps=5)
    drawn.import_runs()
    place = str(tmp_path / "cluster" / "tuned")
    with pytest.raises(Conflict, match="another run is called 'tuned' here") as found:
        drawn.import_runs([place])
    assert "--as NAME" in (found.value.hint or "")
    assert drawn.import_runs([place], name_as="far").exposures == 5
    again = drawn.import_runs([place])
    assert (again.runs, again.exposures, again.problems) == (["far"], 0, [])
    with pytest.raises(Conflict, match="the run 'tuned' is here already, as 'far'"):
        drawn.import_runs([place], name_as="further")
    assert [(row["name"], row["last_step"]) for row in drawn.runs()] == [("far", 5), ("tuned", 3)]


def test_of_several_ledgers_a_conflict_stops_none(drawn: Catalog, tmp_path: Path) -> None:
    train(drawn.home.path, "tuned")
    drawn.import_runs()
    train(tmp_path / "cluster", "tuned")
    train(tmp_path / "cluster", "other")
    report = drawn.import_runs([str(tmp_path / "cluster")])
    assert (report.runs, report.exposures) == (["other"], 3)
    assert len(report.problems) == 1 and "another run is called 'tuned'" in report.problems[0]
    code, text = command(drawn, "runs", "import", str(tmp_path / "cluster"))
    assert code == 1 and "problem: another run is called" in text


def test_a_ledger_is_imported_from_a_uri(drawn: Catalog, tmp_path: Path) -> None:
    train(tmp_path / "cluster", "far")
    assert drawn.import_runs([f"file://{tmp_path}/cluster/far"]).exposures == 3
    for wrong, told in ((f"file://{tmp_path}/nowhere", "no ledger named"), ("odd://x", "odd")):
        with pytest.raises(CatalogError, match=told):
            drawn.import_runs([wrong])


def test_lineage_is_found_whatever_comes_first(drawn: Catalog, tmp_path: Path) -> None:
    for run, parent in (("c", "b:2"), ("b", "a"), ("a", None)):
        train(tmp_path / run, run, parent=parent)
    first = drawn.import_runs([str(tmp_path / "c" / "c")])
    assert first.problems == ["run c: its parent b:2 is not in this catalog"]
    assert drawn.import_runs([str(tmp_path / "c" / "c")]).runs == ["c"]
    drawn.import_runs([str(tmp_path / "b" / "b")])
    drawn.import_runs([str(tmp_path / "a" / "a")])
    parents = (
        "select r.name, p.name, r.parent_step from run as r left join run as p "
        "on p.run_id = r.parent_run_id order by r.name"
    )
    assert only(drawn, parents) == [("a", None, None), ("b", "a", None), ("c", "b", 2)]
    view = drawn.show_run("b")
    assert (view.parent, [row["run"] for row in view.children]) == ("a", ["c"])


def test_nobody_is_their_own_ancestor(drawn: Catalog, tmp_path: Path) -> None:
    for run, parent in (("a", "b"), ("b", "c"), ("c", "a")):
        train(tmp_path, run, parent=parent)
    report = drawn.import_runs([str(tmp_path / run) for run in "abc"])
    assert report.problems == ["run c: its parent a was made from itself; left out"]
    train(tmp_path, "self", parent="self")
    report = drawn.import_runs([str(tmp_path / "self")])
    assert report.problems == ["run self: its parent self was made from itself; left out"]


def write(path: Path, value: Any) -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return str(path)


HARNESS = {
    "results": {
        "gsm8k": {
            "alias": "gsm8k",
            "exact_match,strict-match": 0.25,
            "exact_match_stderr,strict-match": 0.01,
            "exact_match,flexible-extract": 0.5,
            "exact_match_stderr,flexible-extract": "N/A",
        },
        "mmlu": {"acc,none": 0.4, "acc_stderr,none": 0.003, "alias": "mmlu", " ": " "},
        "broken": {"acc,none": float("nan"), "f1,none": "good", "name": "broken"},
    },
    "groups": {"mmlu": {"acc,none": 0.4, "acc_stderr,none": 0.003, "alias": "mmlu"}},
    "versions": {"gsm8k": 3},
    "n-shot": {"gsm8k": 5},
    "n-samples": {"gsm8k": {"original": 1319, "effective": 1319}},
    "config": {"model": "hf", "limit": None},
}
EVALUATED = (
    "select snapshots, step, benchmark, metric, value, stderr from evaluated "
    "order by step, benchmark, metric"
)


def test_what_the_harness_wrote_is_one_query(drawn: Catalog, tmp_path: Path) -> None:
    drawn.start_run("tuned", snapshots=["drawn"])
    path = write(tmp_path / "results_2024.json", HARNESS)
    report = drawn.evaluate_run("tuned", path, step=400)
    assert (report.added, report.same, report.files) == (3, 0, 1)
    assert [(row["benchmark"], row["metric"]) for row in report.refused] == [
        ("broken", "acc"),
        ("broken", "f1"),
    ]
    assert only(drawn, EVALUATED) == [
        ("drawn@1", 400, "gsm8k", "exact_match,flexible-extract", 0.5, None),
        ("drawn@1", 400, "gsm8k", "exact_match,strict-match", 0.25, 0.01),
        ("drawn@1", 400, "mmlu", "acc", 0.4, 0.003),
    ]
    settings = only(drawn, "select distinct settings from evaluated where benchmark = 'gsm8k'")
    assert json.loads(settings[0][0]) == {"version": 3, "n_shot": 5, "samples": 1319}
    again = drawn.evaluate_run("tuned", path, step=400)
    assert (again.added, again.same) == (0, 3)
    assert drawn.evaluate_run("tuned", path).added == 3


def test_of_two_files_that_tell_the_same_the_last_taken_in_counts(
    drawn: Catalog, tmp_path: Path
) -> None:
    drawn.start_run("tuned")
    for name, value in (("new", 0.5), ("old", 0.4)):
        drawn.evaluate_run("tuned", write(tmp_path / f"{name}.json", {"math": {"acc": value}}))
    assert [row[4] for row in only(drawn, EVALUATED)] == [0.4]
    assert only(drawn, "select count(*) from evaluation") == [(2,)]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"math": {"acc": 0.5, "acc_stderr": 0.1}}, [("math", "acc", 0.5, 0.1)]),
        ({"acc": 1, "f1": 0.25}, [("simple", "acc", 1.0, None), ("simple", "f1", 0.25, None)]),
        (
            [{"benchmark": "math", "metric": "acc", "value": 0.5, "shots": 3}],
            [("math", "acc", 0.5, None)],
        ),
    ],
)
def test_simple_json_is_taken_too(
    drawn: Catalog, tmp_path: Path, content: Any, found: list[Any]
) -> None:
    drawn.start_run("tuned")
    report = drawn.evaluate_run("tuned", write(tmp_path / "simple.json", content))
    assert report.refused == []
    assert [row[2:] for row in only(drawn, EVALUATED)] == found


def test_a_folder_of_results_is_taken_whatever_lies_in_it(drawn: Catalog, tmp_path: Path) -> None:
    drawn.start_run("tuned")
    folder = tmp_path / "out"
    write(folder / "results_1.json", HARNESS)
    write(folder / "results_2.json", "{")
    write(folder / "other.json", {"acc": 1})
    code, text = command(drawn, "runs", "eval", "tuned", "--import", str(folder))
    assert code == 1
    assert "tuned at its end: 3 new scores of 1 file" in text
    assert "refused 2 values" in text
    assert f"problem: {folder}/results_2.json cannot be read" in text


@pytest.mark.parametrize("content", ["", "[]", "{}", "3", '{"results": {}}', "[" * 5000])
def test_what_is_no_result_is_refused_whole(drawn: Catalog, tmp_path: Path, content: str) -> None:
    drawn.start_run("tuned")
    code, text = command(
        drawn, "runs", "eval", "tuned", "--import", write(tmp_path / "odd.json", content)
    )
    assert code == 1
    assert "cannot be read" in text or "holds no results" in text
    assert only(drawn, "select count(*) from evaluation") == [(0,)]


def test_scores_of_nobody_are_refused(drawn: Catalog, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="no run named 'tuned'"):
        drawn.evaluate_run("tuned", write(tmp_path / "simple.json", {"acc": 1}))


def test_commands_say_what_python_says(drawn: Catalog, tmp_path: Path) -> None:
    config = write(tmp_path / "c.yaml", "lr: 0.1\n")
    code, text = command(
        drawn,
        *("runs", "start", "tuned", "--model", "tiny", "--snapshot", "drawn", "--json"),
        *("--config", config, "--tag", "team=x", "--tag", "why=test"),
    )
    assert code == 0
    said = json.loads(text)
    assert (said["run"], said["attempt"], said["snapshots"]) == ("tuned", 0, ["drawn@1"])
    train(drawn.home.path, "tuned")
    assert command(drawn, "runs", "finish", "tuned")[1].splitlines() == [
        "run tuned is finished after step 3",
        "recorded: 100% of 3 steps up to step 3, 3 exposures",
    ]
    shown = json.loads(command(drawn, "runs", "show", "tuned", "--json")[1])
    assert shown["run"]["tags"] == {"team": "x", "why": "test"}
    assert shown["run"]["config"] == {"lr": 0.1}
    assert "attempt 0: up to step 3" in command(drawn, "runs", "show", "tuned")[1]
    assert "100%" in command(drawn, "runs")[1]
    for wrong in (("--tag", "x"), ("--config", str(tmp_path / "none"))):
        assert command(drawn, "runs", "start", "other", *wrong)[0] == 1


def test_a_folder_that_was_moved_away_is_the_same_run_when_it_comes_back(drawn: Catalog) -> None:
    drawn.start_run("tuned")
    train(drawn.home.path, "tuned")
    drawn.import_runs()
    os.rename(drawn.home.ledger / "tuned", drawn.home.path / "away")
    assert drawn.start_run("tuned").is_new is False
    assert drawn.import_runs().problems == []
    assert len(drawn.runs()) == 1
