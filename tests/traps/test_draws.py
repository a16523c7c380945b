"""Random and balanced: drawn at random and not from the top, nested in size, steady as pools grow.

The official "balanced" takes the first rows of every source, and its seed only shuffles them.
"""

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

import catalog
import ingest
from catalog import Catalog
from tests.conftest import talk
from tests.traps.material import write_rows

SIZES = {"large": 1000, "middle": 400, "small": 30}


def rows(source: str, count: int) -> list[dict[str, object]]:
    """Rows of a source, each with its place in it."""
    return [talk(f"{source} {number}?", id=f"{source}:{number}") for number in range(count)]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """Three sources of unlike sizes."""
    folder = tmp_path_factory.mktemp("drawn")
    cat = catalog.init(folder / "home")
    for source, count in SIZES.items():
        ingest.load(
            cat, [write_rows(folder / f"{source}.jsonl", rows(source, count))], source=source
        )
    return cat


def places(cat: Catalog, name: str, method: str, size: int, seed: int) -> list[tuple[str, int]]:
    """Select, and say of each member its source and its row in it."""
    members = cat.select(name, method=method, size=size, seed=seed).members()
    found = cat.sql("select sample_id, external_id from appearance").to_pylist()
    ids = {row["sample_id"]: row["external_id"].split(":") for row in found}
    return [(ids[key][0], int(ids[key][1])) for key in members["sample_id"].to_pylist()]


def chi_square(observed: list[int]) -> float:
    """Compare counts with the same count everywhere."""
    mean = sum(observed) / len(observed)
    return sum((count - mean) ** 2 / mean for count in observed)


@pytest.mark.parametrize("method", ["random", "balanced"])
def test_rows_are_drawn_from_all_of_a_source_alike(drawn: Catalog, method: str) -> None:
    tenths: Counter[int] = Counter()
    order: list[bool] = []
    for seed in range(3):
        found = places(drawn, f"{method}{seed}", method, 700, seed)
        large = [place for source, place in found if source == "large"]
        assert len(set(large)) == len(large) >= 330
        tenths.update(place // 100 for place in large)
        order += [first < second for first, second in pairwise(large)]
    # 9 degrees of freedom: more than 27.9 has a chance of 0.001.
    assert chi_square([tenths[tenth] for tenth in range(10)]) < 27.9
    # Nor do they come in the order of their rows: half of the steps go up.
    assert abs(sum(order) / len(order) - 0.5) < 0.05


@pytest.mark.parametrize("method", ["random", "balanced"])
def test_seeds_draw_apart(drawn: Catalog, method: str) -> None:
    one, other = (
        {pair for pair in places(drawn, f"apart{seed}", method, 300, seed) if pair[0] == "large"}
        for seed in (101, 102)
    )
    expected = len(one) * len(other) / SIZES["large"]
    assert abs(len(one & other) - expected) < 4 * expected**0.5


@pytest.mark.parametrize("method", ["random", "balanced"])
def test_a_larger_draw_begins_with_the_smaller(drawn: Catalog, method: str) -> None:
    whole = places(drawn, "whole", method, sum(SIZES.values()), 5)
    assert len(set(whole)) == 1430
    for size in (1, 91, 430):
        assert places(drawn, f"part{size}", method, size, 5) == whole[:size]


def test_shares_are_equal_until_a_source_is_used_up(drawn: Catalog) -> None:
    for size, expected in (
        (90, {"large": 30, "middle": 30, "small": 30}),
        (230, {"large": 100, "middle": 100, "small": 30}),
        (1130, {"large": 700, "middle": 400, "small": 30}),
    ):
        found = places(drawn, f"share{size}", "balanced", size, 6)
        assert Counter(source for source, _ in found) == expected


def test_a_growing_pool_only_lets_newcomers_in_between(
    tmp_path: Path, write_jsonl: Callable[..., Path]
) -> None:
    cat = catalog.init(tmp_path / "home")
    ingest.load(cat, [write_jsonl("a.jsonl", rows("a", 60))], source="a")
    ingest.load(cat, [write_jsonl("b.jsonl", rows("b", 60))], source="b")
    before = {name: places(cat, name, name, 120, 9) for name in ("random", "balanced")}
    ingest.load(cat, [write_jsonl("a.jsonl", rows("a", 90))], source="a")
    ingest.load(cat, [write_jsonl("c.jsonl", rows("c", 40))], source="c")
    after = {name: places(cat, name, name, 190, 9) for name in before}
    old = set(before["random"])
    assert [pair for pair in after["random"] if pair in old] == before["random"]
    for source in ("a", "b"):  # equal shares shift the sources against each other, nothing else
        kept = [pair for pair in after["balanced"] if pair in old and pair[0] == source]
        assert kept == [pair for pair in before["balanced"] if pair[0] == source]
