"""Rankings of a pool: lists, best and mean scores, and where one sample stands."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import catalog
from catalog import Catalog
from catalog.errors import MissingVectors
from catalog.model import NamedSpace
from catalog.progress import silent
from catalog.selecting.pool import Pool, read_pool
from catalog.selecting.ranking import Ranker
from catalog.similarity import scores_of
from catalog.store import Store
from catalog.tasks import resolve, task_queries
from tests.tiny import add_vectors

WIDTH = 5


@pytest.fixture
def stocked(stocked_home: Path, tmp_path: Path) -> Catalog:
    shutil.copytree(stocked_home, tmp_path / "home")
    return catalog.open(tmp_path / "home")


def filled(cat: Catalog, *, left_out: int = 0) -> NamedSpace:
    """Give the samples and queries vectors, four samples the same one."""
    generator = np.random.default_rng(0)
    with Store(cat.home).read() as reader:
        samples = reader.arrow("select sample_id from sample order by content_hash")[0].to_pylist()
        queries = reader.arrow("select query_id from query order by content_hash")[0].to_pylist()
    vectors = {key: generator.normal(size=WIDTH).tolist() for key in samples}
    for twin in samples[10:13]:
        vectors[twin] = vectors[samples[9]]
    return add_vectors(
        cat,
        "space",
        {key: vectors[key] for key in samples[left_out:]},
        {key: generator.normal(size=WIDTH).tolist() for key in queries},
    )


def ranker(cat: Catalog, named: NamedSpace, *names: str) -> tuple[Ranker, Pool, list[Any]]:
    with Store(cat.home).read() as reader:
        tasks = [task_queries(reader, resolve(reader, name)) for name in names]
    pool = read_pool(Store(cat.home), None, named)
    return Ranker(cat.home, named, pool, tasks, silent), pool, tasks


def test_every_sample_has_its_best_and_mean_score_for_every_task(stocked: Catalog) -> None:
    named = filled(stocked)
    found, pool, tasks = ranker(stocked, named, "three", "one")
    rows = found.similarity().to_pylist()
    assert [row["task"] for row in rows] == ["three"] * 42 + ["one"] * 42
    for number, task in enumerate(tasks):
        scores = scores_of(stocked.home, named, pool.ids.tolist(), task.query_ids)
        own = rows[42 * number : 42 * number + 42]
        assert [row["sample_id"] for row in own] == pool.ids.tolist()
        assert [row["order_key"] for row in own] == pool.samples["order_key"].to_pylist()
        assert {(row["task_position"], row["tasks"]) for row in own} == {(number, 2)}
        assert [row["score"] for row in own] == scores.max(axis=1).tolist()
        best = [task.query_ids[query] for query in scores.argmax(axis=1)]
        assert [row["query_id"] for row in own] == best
        means = scores.astype(np.float64).mean(axis=1)
        assert np.allclose([row["mean"] for row in own], means, atol=1e-12)


@pytest.mark.parametrize("names", [("one",), ("two",), ("three", "two", "one")])
def test_a_rank_is_the_place_in_the_whole_list(stocked: Catalog, names: tuple[str, ...]) -> None:
    named = filled(stocked)
    found, pool, _ = ranker(stocked, named, *names)
    table = found.rank(42).to_pylist()
    lists = [[row for row in table if row["list"] == number] for number in range(found.lists)]
    for sample_id in pool.ids.tolist()[::5]:
        for row in found.ranks(sample_id):
            entry = lists[row.list][row.rank]
            assert entry["sample_id"] == sample_id
            assert (entry["score"], entry["query_id"]) == (row.score, row.query_id)
        assert [row.list for row in found.ranks(sample_id)] == list(range(found.lists))


def test_twins_stand_one_after_another_by_order_key(stocked: Catalog) -> None:
    named = filled(stocked)
    found, _, _ = ranker(stocked, named, "one")
    table = found.rank(42).to_pylist()
    for number in range(found.lists):
        rows = [row for row in table if row["list"] == number]
        expected = sorted(rows, key=lambda row: (-row["score"], row["order_key"]))
        assert rows == expected
        assert len({row["score"] for row in rows}) == 39  # four of the 42 are one


def test_a_sample_that_is_not_in_the_pool_has_no_rank(stocked: Catalog) -> None:
    found, _, _ = ranker(stocked, filled(stocked), "one")
    with pytest.raises(KeyError):
        found.ranks(9999)


@pytest.mark.parametrize("names", [("one",), ("three", "one")])
def test_samples_without_a_vector_are_told(stocked: Catalog, names: tuple[str, ...]) -> None:
    found, _, _ = ranker(stocked, filled(stocked, left_out=3), *names)
    for ask in (lambda: found.rank(5), found.similarity):
        with pytest.raises(MissingVectors, match="3 of 42 samples"):
            ask()


def test_scores_asked_for_one_by_one_have_the_bits_of_the_pass(stocked: Catalog) -> None:
    named = filled(stocked)
    found, pool, [task] = ranker(stocked, named, "one")
    table = found.rank(42)
    whole = scores_of(stocked.home, named, pool.ids.tolist(), task.query_ids)
    for row in table.to_pylist():
        column = task.query_ids.index(row["query_id"])
        place = pool.ids.tolist().index(row["sample_id"])
        alone = scores_of(stocked.home, named, [row["sample_id"]], [row["query_id"]])
        assert row["score"] == whole[place, column] == alone[0, 0]
    with pytest.raises(KeyError, match="9999"):
        scores_of(stocked.home, named, [9999, 1], task.query_ids)
