"""Attempts form a tree, and how much is recorded is told of every end of it."""

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

import catalog
from catalog import Catalog
from catalog.ledger import Ledger, encode
from catalog.runs.attempts import Reach, tree
from catalog.runs.settling import missing

COVERED = (
    "select attempt, last_step, steps, recorded_steps, exposures, ranks_missing, lost_exposures "
    "from run_coverage order by attempt"
)
TREE = "select attempt, parent_attempt, parent_step, assumed from attempt order by attempt"
MARK = "ab" * 32


def only(cat: Catalog, statement: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in cat.sql(statement).to_pylist()]


def train(cat: Catalog, steps: range, rank: int = 0, **options: Any) -> dict[str, Any]:
    """Log steps of one sample each, and return what a checkpoint at the end gives."""
    with Ledger(cat.home.path, "r", rank, **options) as ledger:
        for step in steps:
            ledger.record([MARK], step=step)
            ledger.end_step(step)
        return ledger.checkpoint(steps[-1])


def parents(
    reached: dict[int, tuple[int, int]], claims: dict[int, Any] | None = None
) -> list[tuple[int | None, int, bool]]:
    problems: list[str] = []
    found = tree(
        "r",
        {number: {0: {"parent": parent}} for number, parent in (claims or {}).items()},
        {number: Reach(*steps) for number, steps in reached.items()},
        problems,
    )
    assert problems == []
    return [(a.parent_attempt, a.parent_step, a.assumed) for a in found]


def test_an_attempt_that_begins_anew_has_no_parent() -> None:
    assert parents({0: (1, 9), 1: (1, 5)}, {0: None, 1: None}) == [(None, 0, False)] * 2


def test_an_attempt_that_does_not_begin_anew_went_on_from_the_newest_that_came_so_far() -> None:
    found = parents({0: (1, 9), 1: (5, 12), 2: (3, 4), 3: (10, 11), 4: (13, 14)})
    assert found[1:] == [(0, 4, True), (1, 2, True), (1, 9, True), (1, 12, True)]


def test_where_no_attempt_is_recorded_so_far_the_farthest_is_the_parent() -> None:
    assert parents({0: (1, 9), 1: (1, 3), 2: (13, 14)})[2] == (0, 12, True)


def test_an_attempt_that_recorded_nothing_stands_where_the_one_before_ended() -> None:
    assert parents({0: (1, 9)}, {0: None, 1: None}) == [(None, 0, False), (0, 9, True)]


def test_steps_may_be_counted_from_zero() -> None:
    assert parents({0: (0, 9), 1: (0, 3), 2: (1, 5)})[1:] == [(None, 0, True), (1, 0, True)]


def test_what_a_claim_tells_goes_before_what_steps_suggest() -> None:
    told = {"run": "r", "attempt": 0, "step": 4}
    assert parents({0: (1, 9), 1: (1, 9), 2: (5, 9)}, {2: told})[2] == (0, 4, False)


def test_a_parent_that_left_nothing_is_an_attempt_all_the_same() -> None:
    told = {"run": "r", "attempt": 0, "step": 4}
    assert parents({1: (5, 9)}, {1: told}) == [(None, 0, False), (0, 4, False)]


@pytest.mark.parametrize(
    ("parent", "told"),
    [
        ({"run": "other", "attempt": 0, "step": 4}, "it went on from the run 'other'"),
        ({"run": "r", "attempt": 1, "step": 4}, "from attempt 1, which is no earlier"),
        ({"run": "r", "attempt": 0, "step": "4"}, "which is no checkpoint"),
        ("r", "it went on from 'r', which is no checkpoint"),
    ],
)
def test_a_parent_that_cannot_be_is_told_of_and_left_out(parent: Any, told: str) -> None:
    problems: list[str] = []
    reached = {0: Reach(1, 9), 1: Reach(1, 9)}
    found = tree("r", {1: {0: {"parent": parent}}}, reached, problems)
    assert (found[1].parent_attempt, found[1].parent_step) == (None, 0)
    assert len(problems) == 1 and told in problems[0]


def test_gaps_in_the_numbers_of_segments_are_found_by_process() -> None:
    names = [f"0000-00000-{number:08d}.steps.arrow" for number in (0, 1, 4, 6)]
    names += ["0000-00001-00000001.exposures.arrow", "no segment"]
    assert missing(names) == [(0, 0, 2, 3), (0, 0, 5, 5), (0, 1, 0, 0)]


def test_a_chain_takes_of_each_attempt_what_led_to_its_end(cat: Catalog) -> None:
    train(cat, range(1, 6))
    kept = {**train(cat, range(4, 8)), "step": 6}  # nobody told that it went on from 3
    train(cat, range(7, 9), resumed=kept)
    train(cat, range(1, 3))
    cat.import_runs()
    assert only(cat, TREE) == [
        (0, None, 0, False),
        (1, 0, 3, True),
        (2, 1, 6, False),
        (3, None, 0, False),
    ]
    assert only(cat, COVERED) == [
        (0, 5, 5, 5, 5, 0, 0),
        (1, 7, 7, 7, 7, 0, 0),
        (2, 8, 8, 8, 8, 0, 0),
        (3, 2, 2, 2, 2, 0, 0),
    ]


def test_attempts_come_out_the_same_in_whatever_order_they_are_imported(
    cat: Catalog, tmp_path: Path
) -> None:
    for first, last in ((1, 6), (4, 8), (9, 10), (3, 5), (6, 7)):
        train(cat, range(first, last + 1), flush_steps=1)
    cat.import_runs()
    wanted = only(cat, TREE), only(cat, COVERED)
    whole = tmp_path / "whole"
    shutil.move(cat.home.ledger, whole)
    for seed in range(2):
        other = catalog.init(tmp_path / f"other-{seed}")
        place = tmp_path / f"place-{seed}" / "r"
        place.mkdir(parents=True)
        shutil.copy(whole / "r" / "run.json", place)
        files = sorted(path for path in (whole / "r").iterdir() if path.name != "run.json")
        random.Random(seed).shuffle(files)
        for start in range(0, len(files), 12):
            for path in files[start : start + 12]:
                shutil.copy(path, place)
            other.import_runs([str(place)])
        assert (only(other, TREE), only(other, COVERED)) == wanted
        assert other.import_runs([str(place)]).problems == []


def test_a_step_is_recorded_once_every_process_told_of_it(cat: Catalog) -> None:
    train(cat, range(1, 5), world_size=2)
    train(cat, range(1, 4), rank=1, world_size=2)
    cat.import_runs()
    assert only(cat, COVERED) == [(0, 4, 4, 3, 7, 0, 0)]
    assert cat.runs()[0]["coverage"] == 0.75


def test_a_process_that_left_nothing_is_missed(cat: Catalog) -> None:
    train(cat, range(1, 5), world_size=3)
    train(cat, range(1, 5), rank=2, world_size=3)
    cat.import_runs()
    assert only(cat, COVERED) == [(0, 4, 4, 0, 8, 1, 0)]


def test_processes_are_counted_where_no_claim_is_left(cat: Catalog) -> None:
    train(cat, range(1, 5), world_size=2)
    train(cat, range(1, 5), rank=1, world_size=2)
    for path in (cat.home.ledger / "r").glob("attempt-*"):
        path.unlink()
    assert cat.import_runs().problems == []
    assert only(cat, TREE) == [(0, None, 0, True)]
    assert only(cat, COVERED) == [(0, 4, 4, 4, 8, 0, 0)]


def test_a_damaged_claim_is_told_of_and_its_attempt_kept(cat: Catalog) -> None:
    train(cat, range(1, 5))
    (cat.home.ledger / "r" / "attempt-0000-00000.json").write_text("{")
    report = cat.import_runs()
    assert (len(report.problems), report.exposures) == (1, 4)
    assert "attempt-0000-00000.json cannot be read" in report.problems[0]
    assert only(cat, COVERED) == [(0, 4, 4, 4, 4, 0, 0)]


def test_a_step_counted_as_zero_is_one_more(cat: Catalog) -> None:
    train(cat, range(1, 2))
    about = {"run": "r", "attempt": "1", "rank": "0"}
    told: dict[str, list[Any]] = {"step": [0, 1, 2], "exposures": [0, 0, 0], "applied": [True] * 3}
    segment = encode("steps", told | {"reason": [None] * 3, "digest": [None] * 3}, about)
    (cat.home.ledger / "r" / "0001-00000-00000000.steps.arrow").write_bytes(segment)
    cat.import_runs()
    assert only(cat, COVERED)[1] == (1, 2, 3, 3, 0, 0, 0)
    assert cat.runs()[0]["coverage"] == 1.0


def test_a_clock_that_jumps_back_changes_nothing(cat: Catalog) -> None:
    train(cat, range(1, 6))
    train(cat, range(4, 8))
    path = cat.home.ledger / "r" / "attempt-0001-00000.json"
    claim = json.loads(path.read_text())
    path.write_text(json.dumps(claim | {"started_at": "1999-01-01T00:00:00+00:00"}))
    assert cat.import_runs().problems == []
    assert only(cat, TREE) == [(0, None, 0, False), (1, 0, 3, True)]


def test_a_checkpoint_beyond_what_is_recorded_counts_as_steps_that_are_not(cat: Catalog) -> None:
    with Ledger(cat.home.path, "r") as ledger:
        ledger.record([MARK], step=1)
        ledger.checkpoint(1)
        ledger.checkpoint(4)
    cat.import_runs()
    assert only(cat, COVERED) == [(0, 4, 4, 1, 1, 0, 0)]
