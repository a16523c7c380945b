"""Every invariant of the vectors holds; every plausible fault makes the named ones fail."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from catalog.errors import ModelError
from tests.traps.invariants import INVARIANTS, NEAR, encoder, tokens
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
def some_of(reference: Path) -> tuple[list[int], list[list[dict[str, str]]]]:
    """Some of the reference's pool by place: short, with a system turn, of four turns, one cut."""
    lines = (reference / "pool.jsonl").read_text(encoding="utf-8").splitlines()
    talks = [json.loads(line)["messages"] for line in lines]
    order = sorted(range(len(talks)), key=lambda place: len(str(talks[place])))
    ruled = [place for place in order if talks[place][0]["role"] == "system"]
    longer = [place for place in order if len(talks[place]) == 4]
    found = encoder(reference / "tiny-llama")
    counts = found.tokenize([found.render(talks[place]) for place in order[-40:]]).lengths
    cut = min(pair for pair in zip(counts, order[-40:], strict=True) if pair[0] > 2048)[1]
    some = [*order[:6], *ruled[:3], *longer[:3], cut]
    return some, [talks[place] for place in some]


def off(reference: Path) -> float:
    """How far some cosines are from the reference's."""
    found = encoder(reference / "tiny-llama")
    places, talks = some_of(reference)
    asked = (reference / "tasks" / "threads.jsonl").read_text(encoding="utf-8").splitlines()
    queries = [json.loads(line)["messages"] for line in asked]
    pool = tokens(found, talks)
    vectors = np.concatenate([found.encode(pool[:-1])[0], found.encode(pool[-1:])[0]])
    cosines = found.encode(tokens(found, queries))[0] @ vectors.T
    expected = np.load(reference / "expected" / "cosine.npz")["weighted_mean.threads"]
    return float(np.abs(cosines - expected[:, places]).max())


def test_the_reference_agrees(reference: Path) -> None:
    assert off(reference) < NEAR


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
        assert off(reference) > NEAR
    except ModelError as error:
        assert "not finite" in error.message
