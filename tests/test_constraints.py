"""What bars a sample during a walk, budgets and exclusions, against plain walks written out."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
from catalog import Catalog
from catalog.errors import InvalidInput, MissingScores, MissingVectors, TooFewSamples, UnknownName
from catalog.selecting.bars import AHEAD, NearDuplicates
from catalog.store import Store
from tests.tiny import add_vectors

Row = dict[str, Any]
Vector = np.ndarray[Any, Any]


def pool(cat: Catalog) -> list[Row]:
    return cat.sql("select * exclude (messages) from pool order by sample_id").to_pylist()


def queries(cat: Catalog) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for row in cat.sql("from query join task using (task_id) order by position").to_pylist():
        found.setdefault(row["name"], []).append(row["query_id"])
    return found


@pytest.fixture(scope="module")
def vectors() -> dict[int, Vector]:
    """A vector for each of the forty-two samples, in a few tight groups."""
    generator = np.random.default_rng(5)
    centres = generator.normal(size=(9, 6))
    return {
        key: centres[generator.integers(9)] + 0.05 * generator.normal(size=6)
        for key in range(1, 43)
    }


@pytest.fixture(scope="module")
def cat(
    stocked_home: Path, vectors: dict[int, Vector], tmp_path_factory: pytest.TempPathFactory
) -> Catalog:
    """The stocked home with a space of vectors and token counts of ten per sample id."""
    cat = catalog.open(shutil.copytree(stocked_home, tmp_path_factory.mktemp("bars") / "home"))
    generator = np.random.default_rng(6)
    asked = {key: generator.normal(size=6) for ids in queries(cat).values() for key in ids}
    add_vectors(cat, "space", vectors, asked)
    with Store(cat.home).write("test") as transaction:
        transaction.connection.execute(
            "insert into sample_score by name "
            "select sample_id, scorer_id, sample_id * 10 as value, "
            "false as truncated, $1 as change_id from sample, scorer",
            [transaction.change_id],
        )
    return cat


def order(cat: Catalog, **options: Any) -> list[int]:
    """What a rule gives without constraints, all of it."""
    found = cat.select("order", size=42, **options)
    return list(found.members()["sample_id"].to_pylist())


def lists(cat: Catalog, tasks: list[str]) -> list[list[int]]:
    """The ranked lists that round robin walks: one for every task of several."""
    return [order(cat, method="global_max", tasks=[task]) for task in tasks]


def cosine(one: Vector, other: Vector) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def oracle(
    ranked: list[list[int]], size: int, barred: Callable[[int, list[int]], bool]
) -> list[tuple[int, int]]:
    """Walk the lists in turn: (sample, turn); what is barred costs no turn, what is taken does."""
    places = [0] * len(ranked)
    taken: list[int] = []
    turns: list[int] = []
    for turn in range(len(ranked) * 99):
        number = turn % len(ranked)
        while places[number] < len(ranked[number]):
            sample = ranked[number][places[number]]
            if sample in taken or not barred(sample, taken):
                break
            places[number] += 1
        if places[number] < len(ranked[number]) and len(taken) < size:
            sample = ranked[number][places[number]]
            places[number] += 1
            if sample not in taken:
                taken.append(sample)
                turns.append(turn)
    return list(zip(taken, turns, strict=True))


@pytest.mark.parametrize("size", [1, 5, 9, 12])
def test_round_robin_with_a_cap_passes_over_full_sources_and_keeps_the_turn(
    cat: Catalog, size: int
) -> None:
    source = {row["sample_id"]: row["source"] for row in pool(cat)}
    expected = oracle(
        lists(cat, ["two", "one"]),
        size,
        lambda sample, taken: [source[one] for one in taken].count(source[sample]) >= 5,
    )
    found = cat.select(
        "capped", method="round_robin", tasks=["two", "one"], size=size, max_per_source=5
    )
    members = found.members().to_pylist()
    assert [(row["sample_id"], row["turn"]) for row in members] == expected
    assert len(members) == size


@pytest.mark.parametrize("size", [3, 9])
def test_round_robin_passes_over_what_is_too_near_to_a_member(
    cat: Catalog, vectors: dict[int, Vector], size: int
) -> None:
    expected = oracle(
        lists(cat, ["one", "two"]),
        size,
        lambda sample, taken: any(cosine(vectors[sample], vectors[o]) > 0.95 for o in taken),
    )
    found = cat.select(
        "far", method="round_robin", tasks=["one", "two"], size=size, skip_near_duplicates=0.95
    )
    members = found.members().to_pylist()
    assert [(row["sample_id"], row["turn"]) for row in members] == expected
    assert all(row["rank"] is not None and row["query_id"] is not None for row in members)


def test_constraints_beyond_what_the_pool_allows_are_refused(cat: Catalog) -> None:
    options = {"method": "round_robin", "tasks": ["one"], "size": 30, "skip_near_duplicates": 0.9}
    with pytest.raises(TooFewSamples, match=r"30 samples were asked for, the constraints allow \d"):
        cat.select("few", **options)
    found = cat.select("few", **options, allow_fewer=True)
    assert 1 < found.size < 30
    with pytest.raises(TooFewSamples, match="the constraints allow 3"):
        cat.select("few", method="random", size=4, max_per_source=1)


@pytest.mark.parametrize("method", ["random", "balanced", "length"])
def test_other_rules_are_walked_down_in_their_order(
    cat: Catalog, vectors: dict[int, Vector], method: str
) -> None:
    source = {row["sample_id"]: row["source"] for row in pool(cat)}
    expected: list[int] = []
    for sample in order(cat, method=method):
        near = any(cosine(vectors[sample], vectors[one]) > 0.95 for one in expected)
        full = [source[one] for one in expected].count(source[sample]) >= 2
        if not near and not full and len(expected) < 5:
            expected.append(sample)
    found = cat.select(
        "walked", method=method, size=5, max_per_source=2, skip_near_duplicates=0.95, space="space"
    )
    assert found.members()["sample_id"].to_pylist() == expected


def test_near_duplicates_are_found_however_the_walk_jumps() -> None:
    generator = np.random.default_rng(0)
    made = generator.normal(size=(3 * AHEAD, 8)).astype(np.float32)
    made[::3] = made[0] + 0.2 * generator.normal(size=made[::3].shape)
    made /= np.linalg.norm(made, axis=1, keepdims=True)

    class Held:
        width = 8

        def of(self, ids: Any) -> Any:
            return made[ids]

    walk = generator.permutation(len(made))
    bar = NearDuplicates(Held(), np.arange(len(made)), np.arange(len(made)), 0.8)  # type: ignore[arg-type]
    taken: list[int] = []
    for position in walk.tolist():
        free = not taken or float((made[taken] @ made[position]).max()) <= 0.8
        assert bar.admits(position) == free
        if free and generator.random() < 0.7:
            bar.take(position)
            taken.append(position)
    assert 100 < len(taken) < len(made)


# Token budgets


@pytest.mark.parametrize("tokens", [430, 1000, 9029, 9030])
@pytest.mark.parametrize("method", ["random", "round_robin", "length"])
def test_a_budget_takes_members_in_order_while_they_fit(
    cat: Catalog, method: str, tokens: int
) -> None:
    options: Row = {"method": method} | ({"tasks": ["one"]} if method == "round_robin" else {})
    expected: list[int] = []
    for sample in order(cat, **options):
        if sum(expected) * 10 + sample * 10 > tokens:
            break
        expected.append(sample)
    found = cat.select("budget", **options, tokens=tokens, space="space")
    assert found.members()["sample_id"].to_pylist() == expected
    assert found.tokens == sum(expected) * 10 <= tokens


def test_a_budget_that_cannot_be_spent_is_refused(cat: Catalog) -> None:
    with pytest.raises(TooFewSamples, match="9,031 tokens were asked for, there are 9,030"):
        cat.select("rich", method="random", tokens=9031)
    assert cat.select("rich", method="random", tokens=9031, allow_fewer=True).size == 42
    with pytest.raises(TooFewSamples, match="the first sample in order has more than 10"):
        cat.select("poor", method="length", tokens=10)
    with pytest.raises(TooFewSamples, match="the constraints allow"):
        cat.select("capped", method="random", tokens=2000, max_per_source=1)
    with pytest.raises(InvalidInput, match="size is 1 and tokens 2"):
        cat.select("both", method="random", size=1, tokens=2)


# What is left out


def test_members_of_snapshots_and_lists_are_left_out(
    cat: Catalog, tmp_path: Path, write_jsonl: Callable[..., Path]
) -> None:
    first = cat.select("first", method="random", size=10)
    rows = pool(cat)
    hashes = [row["hash"] for row in rows[:3]]
    ids = cat.sql("select external_id from appearance where sample_id in (4, 5)").to_pylist()
    (tmp_path / "some.txt").write_text("\n".join([*hashes, *(row["external_id"] for row in ids)]))
    whole = order(cat, method="random")
    gone = {*first.members()["sample_id"].to_pylist(), 1, 2, 3, 4, 5}
    found = cat.select(
        "rest", method="random", size=20, not_in=["first@1", str(tmp_path / "some.txt")]
    )
    assert found.members()["sample_id"].to_pylist() == [k for k in whole if k not in gone][:20]
    # The list is kept in the home: the recipe alone does it again.
    again = cat.select("again", recipe=found.recipe)
    assert again.digest == found.digest
    export = tmp_path / "out.jsonl"
    cat.export("first", export)
    pq.write_table(pa.table({"hash": hashes}), tmp_path / "some.parquet")
    for path, count in ((export, 10), (tmp_path / "some.parquet", 3)):
        left = cat.select("left", method="random", size=42 - count, not_in=[str(path)])
        assert left.size == 42 - count
    listed = write_jsonl("ids.jsonl", [{"id": row["external_id"]} for row in ids])
    assert cat.select("left", method="random", size=40, not_in=[str(listed)]).size == 40


def test_what_is_left_out_must_be_known(cat: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "strange.txt"
    path.write_text("nobody\n" + "0" * 64 + "\n")
    with pytest.raises(InvalidInput, match="has 2 entries, and none names a sample here"):
        cat.select("a", method="random", size=1, not_in=[str(path)])
    path.write_text('{"name": "x"}\n')
    with pytest.raises(InvalidInput, match="cannot read the list"):
        cat.select("a", method="random", size=1, not_in=[str(path)])
    with pytest.raises(InvalidInput, match="there is no file"):
        cat.select("a", method="random", size=1, not_in=["nowhere.txt"])
    with pytest.raises(UnknownName, match="no snapshot named 'nowhere'"):
        cat.select("a", method="random", size=1, not_in=["nowhere"])
    path.write_text(json.dumps({"hash": pool(cat)[0]["hash"]}) + "\nnobody\n")
    found = cat.select("a", method="random", size=41, not_in=[str(path)])
    assert found.notices == ("the list strange.txt: 1 of its 2 entries name no sample here",)


def test_what_lacks_a_vector_or_score_is_skipped_when_told_to(cat: Catalog) -> None:
    add_vectors(
        cat, "half", {key: [1.0, key] for key in range(1, 21)}, {queries(cat)["one"][0]: [1.0, 0.0]}
    )
    options: Row = {"method": "round_robin", "tasks": ["one"], "size": 20, "space": "half"}
    with pytest.raises(MissingVectors) as caught:
        cat.select("half", **options)
    assert "--skip-missing" in (caught.value.hint or "")
    found = cat.select("half", **options, skip_missing=True)
    assert sorted(found.members()["sample_id"].to_pylist()) == list(range(1, 21))
    assert any("no vectors for 22 of 42" in notice for notice in found.notices)
    with pytest.raises(MissingScores, match="has no score for 42 of 42 samples"):
        cat.select("half", method="length", size=1, space="half")


def test_a_selection_in_a_space_leaves_nothing_open_behind(cat: Catalog) -> None:
    command = ["-m", "catalog.cli", "--home", cat.home.path, "select", "alone", "--size", "3"]
    options = ["--method", "round_robin", "--task", "one", "--space", "space"]
    done = subprocess.run(
        [sys.executable, *command, *options], capture_output=True, text=True, cwd=cat.home.path
    )
    assert (done.returncode, done.stderr.count("\n")) == (0, 1), done.stderr
    assert done.stderr.startswith("Next: catalog show alone@1")
