"""Every invariant of the vectors holds; every plausible fault makes the named ones fail."""

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from catalog.errors import ModelError
from tests.traps.invariants import INVARIANTS, NEAR, Messages, encoder, tokens
from tests.traps.mutations import MUTATIONS, Mutation

Models = Callable[[str], Path]

MUTATED = pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)


@pytest.mark.parametrize("name", INVARIANTS)
def test_an_invariant_holds(models: Models, name: str) -> None:
    INVARIANTS[name](models)


@MUTATED
def test_a_fault_is_noticed(
    models: Models, monkeypatch: pytest.MonkeyPatch, mutation: Mutation
) -> None:
    mutation.apply(monkeypatch)
    for name in mutation.noticed_by:
        with pytest.raises((AssertionError, ModelError)):
            INVARIANTS[name](models)


@cache
def some_of(reference: Path) -> tuple[list[tuple[int, Messages]], list[tuple[int, Messages]]]:
    """Some of the reference's pool with their places: short ones, and one that is cut."""
    lines = (reference / "pool.jsonl").read_text(encoding="utf-8").splitlines()
    talks = [json.loads(line)["messages"] for line in lines]
    order = sorted(range(len(talks)), key=lambda place: len(str(talks[place])))
    ruled = [place for place in order if talks[place][0]["role"] == "system"]
    longer = [place for place in order if len(talks[place]) == 4]
    found = encoder(reference / "tiny-llama")
    counts = found.tokenize([found.render(talks[place]) for place in order[-40:]]).lengths
    cut = min(pair for pair in zip(counts, order[-40:], strict=True) if pair[0] > 2048)[1]
    short = [*order[:6], *ruled[:3], *longer[:3]]
    return [(place, talks[place]) for place in short], [(cut, talks[cut])]


def off(reference: Path) -> Iterator[float]:
    """How far some cosines are from the reference's: of short samples, then of a long one."""
    found = encoder(reference / "tiny-llama")
    asked = (reference / "tasks" / "threads.jsonl").read_text(encoding="utf-8").splitlines()
    queries = [json.loads(line)["messages"] for line in asked]
    vectors, _ = found.encode(tokens(found, queries))
    expected = np.load(reference / "expected" / "cosine.npz")["weighted_mean.threads"]
    for some in some_of(reference):
        pool, _ = found.encode(tokens(found, [talk for _, talk in some]))
        places = [place for place, _ in some]
        yield float(np.abs(vectors @ pool.T - expected[:, places]).max())


def test_the_reference_agrees(reference: Path) -> None:
    assert max(off(reference)) < NEAR


@pytest.mark.parametrize(
    "mutation",
    [mutation for mutation in MUTATIONS if mutation.moves_reference],
    ids=lambda mutation: mutation.name,
)
def test_a_fault_moves_the_reference_too(
    reference: Path, monkeypatch: pytest.MonkeyPatch, mutation: Mutation
) -> None:
    some_of(reference)
    mutation.apply(monkeypatch)
    try:
        assert any(distance > NEAR for distance in off(reference))
    except ModelError as error:
        assert "not finite" in error.message
