"""First turns: what they leave of ranked lists gives the rule the same members as whole lists."""

from itertools import count

import numpy as np
import pyarrow as pa
import pytest

from catalog.selecting.turns import NEVER, FirstTurns
from catalog.sql import load
from catalog.store import scratch

SAMPLES = 60


def lists_of(number: int, *, alike: float, seed: int) -> list[np.ndarray]:
    """Return ranked lists of all samples; the more alike, the more they agree."""
    random = np.random.default_rng(seed)
    common = random.random(SAMPLES)
    own = random.random((number, SAMPLES))
    return [np.argsort(-(alike * common + (1 - alike) * one)) for one in own]


def by_hand(lists: list[np.ndarray], size: int) -> list[tuple[int, int]]:
    """Return (sample, turn) of those that the lists take, one turn after another."""
    taken: dict[int, int] = {}
    for turn in count():
        if len(taken) == min(size, SAMPLES):
            return list(taken.items())
        taken.setdefault(int(lists[turn % len(lists)][turn // len(lists)]), turn)
    raise AssertionError


def met(lists: list[np.ndarray], limit: int = SAMPLES) -> FirstTurns:
    found = FirstTurns(SAMPLES, len(lists))
    scores = -np.arange(limit, dtype=np.float32)
    found.add_all(
        (one[:limit], scores - number, np.full(limit, number)) for number, one in enumerate(lists)
    )
    return found


@pytest.mark.parametrize("alike", [0, 0.9, 1])
@pytest.mark.parametrize("number", [1, 2, 7])
@pytest.mark.parametrize("size", [1, 13, 59, 60, 61])
def test_first_turns_are_those_of_a_walk_by_hand(alike: float, number: int, size: int) -> None:
    lists = lists_of(number, alike=alike, seed=number)
    found = met(lists)
    first = found.first(size)
    assert list(zip(first.tolist(), found.turns[first].tolist(), strict=True)) == by_hand(
        lists, size
    )


@pytest.mark.parametrize("alike", [0, 0.9, 1])
def test_the_rule_chooses_the_same_from_first_places_as_from_whole_lists(alike: float) -> None:
    lists = lists_of(5, alike=alike, seed=3)
    whole = pa.table(
        {
            "list": np.repeat(np.arange(5), SAMPLES),
            "lists": np.full(5 * SAMPLES, 5),
            "rank": np.tile(np.arange(SAMPLES), 5),
            "sample_id": np.concatenate(lists),
            "score": np.concatenate([-np.arange(SAMPLES) - one for one in range(5)]).astype("f4"),
            "task": np.repeat([f"task {one}" for one in range(5)], SAMPLES),
            "query_id": np.repeat(np.arange(5), SAMPLES),
        }
    )
    found = met(lists)
    first = found.first(20)
    ranks, numbers = np.divmod(found.turns[first], 5)
    assert found.queries[first].tolist() == numbers.tolist()
    assert found.scores[first].tolist() == (-ranks - numbers).tolist()
    reduced = whole.take(numbers * SAMPLES + ranks)
    rule = load("select/round_robin")
    with scratch({"ranking": whole}, "100MB") as reader:
        expected = reader.arrow(rule, size=20)
    with scratch({"ranking": reduced}, "100MB") as reader:
        assert reader.arrow(rule, size=20).equals(expected)
    assert expected["turn"].to_pylist() == [turn for _, turn in by_hand(lists, 20)]


def test_short_lists_tell_how_many_samples_they_come_to() -> None:
    lists = lists_of(3, alike=1, seed=1)
    found = met(lists, limit=4)
    assert found.met == 4
    assert len(found.first(10)) == 4
    assert (found.turns == NEVER).sum() == SAMPLES - 4
