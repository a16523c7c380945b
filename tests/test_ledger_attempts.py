"""Attempts: processes that start together find each other without talking, where they can."""

import itertools
import json
import random
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import Conflict, InvalidInput
from catalog.ledger import Ledger, RunFolder, ledgers

A = bytes(32)


def claim(place: Path, run: str, rank: int, world_size: int, **told: Any) -> int:
    return RunFolder(place, run).claim(
        rank, world_size, told.get("attempt"), told.get("resumed"), {}
    )


def begun(place: Path, run: str) -> RunFolder:
    folder = RunFolder(place, run)
    folder.describe({})
    return folder


def test_a_run_that_is_started_again_is_its_next_attempt(tmp_path: Path) -> None:
    attempts = []
    for snapshot in ("math@1", None, "math@1"):
        with Ledger(tmp_path, "run", snapshot=snapshot) as ledger:
            attempts.append(ledger.attempt)
    assert attempts == [0, 1, 2]


def test_two_that_log_one_run_and_rank_at_once_are_two_attempts(tmp_path: Path) -> None:
    assert [Ledger(tmp_path, "run").attempt, Ledger(tmp_path, "run").attempt] == [0, 1]


@pytest.mark.parametrize("world_size", [2, 3])
def test_whole_starts_find_each_other_in_any_order(tmp_path: Path, world_size: int) -> None:
    for number, orders in enumerate(
        itertools.product(itertools.permutations(range(world_size)), repeat=2)
    ):
        begun(tmp_path, f"run{number}")
        for attempt, order in enumerate(orders):
            for rank in order:
                assert claim(tmp_path, f"run{number}", rank, world_size) == attempt


def test_starts_of_other_sizes_and_from_other_checkpoints_are_kept_apart(tmp_path: Path) -> None:
    folder = begun(tmp_path, "run")
    chance = random.Random(3)
    for attempt in range(8):
        size = chance.choice((1, 2, 4))
        resumed = {"run": "run", "attempt": attempt - 1, "step": 5} if attempt % 2 else None
        for rank in chance.sample(range(size), size):
            assert claim(tmp_path, "run", rank, size, resumed=resumed) == attempt
    assert folder.next_attempt() == 8


def test_after_a_start_that_was_cut_short_one_that_took_part_must_come_first(
    tmp_path: Path,
) -> None:
    """Three processes; some are killed before they got here, and then all are started again."""
    for number, (early, order) in enumerate(
        itertools.product(
            [early for size in (1, 2) for early in itertools.combinations(range(3), size)],
            itertools.permutations(range(3)),
        )
    ):
        run = f"run{number}"
        begun(tmp_path, run)
        for rank in early:
            assert claim(tmp_path, run, rank, 3) == 0
        found = {claim(tmp_path, run, rank, 3) for rank in order}
        assert (found == {1}) == (order[0] in early)
        # Told a number that nobody has used, all are right whatever was cut short.
        agreed = RunFolder(tmp_path, run).next_attempt()
        assert {claim(tmp_path, run, rank, 3, attempt=agreed) for rank in order} == {agreed}


def test_a_number_is_one_ranks_once(tmp_path: Path) -> None:
    Ledger(tmp_path, "run", attempt=4)
    with pytest.raises(Conflict, match="rank 0 of the run 'run' has logged attempt 4 already"):
        Ledger(tmp_path, "run", attempt=4)
    assert Ledger(tmp_path, "run").attempt == 5


def test_an_attempt_says_what_it_went_on_from_and_goes_on_after_that(tmp_path: Path) -> None:
    with Ledger(tmp_path, "run") as ledger:
        ledger.record([A], step=3)
        resumed = ledger.checkpoint(3)
    with Ledger(tmp_path, "run", resumed=json.loads(json.dumps(resumed))) as ledger:
        with pytest.raises(InvalidInput, match="step 3 comes after step 3"):
            ledger.record([A], step=3)
        ledger.record([A], step=4)
    said = RunFolder(tmp_path, "run").read_json("attempt-0001-00000.json")
    assert said["parent"] == {"run": "run", "attempt": 0, "step": 3}


def test_what_went_on_from_an_attempt_logged_elsewhere_comes_after_it(tmp_path: Path) -> None:
    resumed = {"run": "run", "attempt": 2, "step": 30}
    assert Ledger(tmp_path, "run", resumed=resumed).attempt == 3
    with pytest.raises(InvalidInput, match="attempt 2 cannot go on from attempt 2"):
        Ledger(tmp_path, "run", resumed=resumed, attempt=2)


@pytest.mark.parametrize(
    ("resumed", "message"),
    [
        ({"run": "other", "attempt": 0, "step": 1}, "is of the run 'other', not of 'run'"),
        ({"run": "run", "attempt": 0}, "does not say which attempt and step"),
        ({"run": "run", "attempt": "0", "step": 1}, "does not say which attempt and step"),
        ({}, "does not say which attempt and step"),
        (5, "does not say which attempt and step"),
    ],
)
def test_a_checkpoint_that_says_nothing_is_refused(
    tmp_path: Path, resumed: Any, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        Ledger(tmp_path, "run", resumed=resumed)
    assert RunFolder(tmp_path, "run").next_attempt() == 0


@pytest.mark.parametrize(
    "changed", [{"snapshot": "math@2"}, {"snapshot": ["math@1", "b@1"]}, {"model": "b"}]
)
def test_a_run_stays_what_it_was_begun_as(tmp_path: Path, changed: dict[str, Any]) -> None:
    begun_with = {"snapshot": "math@1", "model": "a", "parent": "base"}
    Ledger(tmp_path, "run", **begun_with)  # type: ignore[arg-type]
    Ledger(tmp_path, "run")
    with pytest.raises(Conflict, match="the run 'run' was begun with"):
        Ledger(tmp_path, "run", **begun_with | changed)
    with pytest.raises(Conflict, match="with parent 'base', and now with 'c'"):
        Ledger(tmp_path, "run", parent="c")


def test_a_finished_run_takes_no_attempt(tmp_path: Path) -> None:
    Ledger(tmp_path, "run")
    RunFolder(tmp_path, "run").put("finished.json", b"{}")
    with pytest.raises(Conflict, match="the run 'run' is finished") as caught:
        Ledger(tmp_path, "run")
    assert "this one as its parent" in str(caught.value.hint)
    assert RunFolder(tmp_path, "run").next_attempt() == 1


def test_the_next_attempt_of_a_rank_removes_what_a_killed_one_left_half_written(
    tmp_path: Path,
) -> None:
    with Ledger(tmp_path, "run", world_size=2) as ledger:
        ledger.record([A], step=1)
    for rank in (0, 1):
        (tmp_path / "run" / f".0000-0000{rank}-00000007.steps.arrow.abc").write_bytes(b"half")
    Ledger(tmp_path, "run", world_size=2)
    assert [path.name for path in (tmp_path / "run").glob(".*")] == [
        ".0000-00001-00000007.steps.arrow.abc"
    ]


def test_a_damaged_claim_is_named(tmp_path: Path) -> None:
    Ledger(tmp_path, "run", 0, world_size=2)
    (tmp_path / "run" / "attempt-0000-00000.json").write_text("{")
    with pytest.raises(InvalidInput, match=r"attempt-0000-00000\.json is damaged"):
        Ledger(tmp_path, "run", 1, world_size=2)


def test_a_ledger_that_lost_its_manifest_is_still_one(tmp_path: Path) -> None:
    for run in ("kept", "lost"):
        with Ledger(tmp_path, run, snapshot="s@1") as ledger:
            ledger.record(["ab" * 32], step=1)
    (tmp_path / "lost" / "run.json").unlink()
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("no ledger")
    found = [(path.name, run, used) for path, run, used in ledgers(tmp_path)]
    assert found == [("kept", "kept", ["s@1"]), ("lost", "lost", [])]
    assert list(ledgers(tmp_path / "nowhere")) == []
