"""Vector indexes: their recall, what they are used for, and what they leave as it is."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import catalog
import ingest
from catalog import Catalog, schema
from catalog.cli import cli
from catalog.errors import HomeBusy, InvalidInput, TooFewSamples, UnknownName
from catalog.model import NamedSpace
from catalog.search.ann import Approximate
from catalog.search.index import find_index
from catalog.spaces import the_space
from catalog.store import Store
from catalog.vectors import Floats, Vectors
from tests.conftest import talk
from tests.tiny import add_vectors

SAMPLES = 1200
WIDTH = 16
PROJECT = Path(__file__).parents[1]


def unit(rows: int, seed: int) -> Floats:
    """Vectors in forty clusters, as those of texts are."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(0).standard_normal((40, WIDTH))
    found = centres[random.integers(0, 40, rows)] + 0.4 * random.standard_normal((rows, WIDTH))
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return found.astype(np.float32)


def numbered(vectors: Floats, first: int = 1) -> dict[int, Floats]:
    return dict(enumerate(vectors, first))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of twelve hundred samples in two sources, with vectors and an index; to be copied."""
    folder = tmp_path_factory.mktemp("indexed")
    cat = catalog.init(folder / "home")
    for name, numbers in (("a", range(1100)), ("b", range(1100, SAMPLES))):
        rows = [talk(f"Number {number}?", id=f"s{number}") for number in numbers]
        path = folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        ingest.load(cat, [path], source=name)
    task = folder / "task.jsonl"
    task.write_text("".join(json.dumps(talk(f"Query {number}?")) + "\n" for number in range(30)))
    ingest.add_task(cat, "some", task)
    add_vectors(cat, "s", numbered(unit(SAMPLES, 1)), numbered(unit(30, 2)))  # type: ignore[arg-type]
    cat.build_index("s", kind="flat")
    return cat.home.path


@pytest.fixture
def home(built: Path, tmp_path: Path) -> Catalog:
    """The home, copied as a backup is."""
    return catalog.open(catalog.open(built).backup(tmp_path / "home").path)


def space(cat: Catalog) -> NamedSpace:
    with Store(cat.home).read() as reader:
        return the_space(reader, "s")


def add_later(cat: Catalog, vectors: Floats) -> None:
    """Give the space more vectors than the index has seen."""
    from tests.tiny import _embedded

    rows = numbered(vectors, SAMPLES + 1)
    Vectors(cat.home, space(cat).space, "sample").append(_embedded(rows))  # type: ignore[arg-type]


def run(cat: Catalog, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--home", str(cat.home.path), *words])


@pytest.mark.parametrize("kind", ["hnsw_sq", "rq"])
def test_an_index_is_measured_against_exact_search(home: Catalog, kind: str) -> None:
    printed = run(home, "index", "build", "--space", "s", "--kind", kind)
    assert printed.exit_code == 0, printed.output
    [index] = home.indexes()
    assert (index.space, index.kind, index.samples, index.later) == ("s", kind, SAMPLES, 0)
    assert (index.recall_at, index.queries) == (10, 200)
    assert index.parameters["measured_on"] == "30 stored queries, 170 samples as queries"
    assert index.recall is not None and 0.95 <= index.recall <= 1
    assert f"recall@10 {index.recall:.3f}, measured on 200 queries" in printed.stdout
    assert printed.stdout.startswith("1,200 samples indexed; approximate")


def test_every_vector_is_sorted_to_its_nearest_centre(home: Catalog, tmp_path: Path) -> None:
    import lance

    from catalog.search.index import open_table
    from catalog.search.partitions import partition

    dataset = open_table(home.home, space(home))
    told: list[float | None] = []
    parts = tmp_path / "parts.lance"
    centres = partition(dataset, 30, parts, lambda tick: told.append(tick.fraction))
    again = partition(dataset, 30, tmp_path / "again.lance", lambda tick: None)
    assert centres.shape == (30, WIDTH) and (centres == again).all()
    np.testing.assert_allclose(np.linalg.norm(centres, axis=1), 1, atol=1e-6)
    rows = dataset.to_table(columns=["vector"], with_row_id=True)
    vectors = np.stack(rows["vector"].to_numpy())
    found = lance.dataset(str(parts)).to_table()
    assert found["row_id"].to_pylist() == rows["_rowid"].to_pylist()
    scores = vectors @ centres.T
    chosen = scores[np.arange(SAMPLES), found["partition"].to_numpy()]
    assert (scores.max(axis=1) - chosen).max() < 0.02  # as near as bfloat16 tells
    assert told[-1] == 1
    # Forty clusters in thirty parts: most vectors are near to their centre.
    assert np.median(chosen) > 0.85


def test_a_build_leaves_nothing_in_staging(home: Catalog) -> None:
    (home.home.staging / "job-99-left").mkdir(parents=True)
    home.build_index("s", kind="rq")
    left = [path.name for path in home.home.staging.iterdir() if path.name.startswith("job-")]
    assert left == ["job-99-left"]  # another's


def test_the_recall_is_the_share_of_the_exact_nearest_that_is_found(home: Catalog) -> None:
    [index] = home.indexes()
    vectors, queries = unit(SAMPLES, 1), unit(30, 2)
    exact = (-(queries @ vectors.T)).argsort(axis=1)[:, :10] + 1
    asked = Approximate(home.home, space(home), index.parameters)
    shares = [
        len(np.intersect1d(asked.find(query, 10)[0], wanted)) / 10
        for query, wanted in zip(queries, exact, strict=True)
    ]
    assert index.recall == pytest.approx(np.mean(shares), abs=0.05)


def test_what_an_index_finds_has_exact_scores_and_says_its_recall(home: Catalog) -> None:
    like = home.sql("select hash from pool where sample_id = 7").to_pylist()[0]["hash"]
    exact = home.search(like=like, k=20)
    found = home.search(like=like, k=20, ann=True)
    assert found.index == home.indexes()[0]
    assert (found.searched, exact.index) == (None, None)
    scores = {row["hash"]: row["score"] for row in exact.samples}
    common = [row for row in found.samples if row["hash"] in scores]
    assert len(common) >= 18
    assert all(row["score"] == scores[row["hash"]] for row in common)
    assert like not in {row["hash"] for row in found.samples}
    printed = run(home, "search", "--like", like, "--ann").stdout
    assert "approximate, by the index flat of the space s: recall@10 " in printed
    assert "measured on 200 queries" in printed


def test_an_index_changes_no_exact_answer(home: Catalog) -> None:
    before = home.sql("from neighbor('some', 50)").to_arrow()
    chosen = home.select("with", method="round_robin", tasks=["some"], size=100)
    home.drop_index("s")
    assert home.sql("from neighbor('some', 50)").to_arrow().equals(before)
    again = home.select("without", method="round_robin", tasks=["some"], size=100)
    assert again.digest == chosen.digest


def test_a_condition_holds_for_what_an_index_finds(home: Catalog) -> None:
    like = home.sql("select hash from pool where sample_id = 7").to_pylist()[0]["hash"]
    exact = home.search(like=like, k=10, where="source = 'b'")
    found = home.search(like=like, k=10, where="source = 'b'", ann=True)
    assert "without a condition" in (found.note or "")
    assert {row["source"] for row in found.samples} == {"b"}
    assert [row["hash"] for row in found.samples] == [row["hash"] for row in exact.samples]


def test_where_an_index_finds_too_few_the_search_is_exact_and_says_so(home: Catalog) -> None:
    like = home.sql("select hash from pool where sample_id = 7").to_pylist()[0]["hash"]
    asked = {"like": like, "k": 1200, "ann": True}
    found = home.search(**asked)  # type: ignore[arg-type]
    assert (found.index, found.searched) == (None, SAMPLES - 1)
    assert len(found.samples) == SAMPLES - 1
    printed = run(home, "search", "--like", like, "-k", "1200", "--ann").stdout
    assert "exact, among 1,199 samples of the space s (the index finds too few" in printed


def test_retired_samples_are_not_found_by_an_index(home: Catalog) -> None:
    like = home.sql("select hash from pool where sample_id = 7").to_pylist()[0]["hash"]
    first = home.search(like=like, k=1, ann=True).samples[0]["hash"]
    [row] = home.sql("select sample_id from pool where hash = $h", h=first).to_pylist()
    with Store(home.home).write("retire") as transaction:
        transaction.insert(schema.retirement, {**row, "retired": True, "reason": "wrong"})
    found = home.search(like=like, k=10, ann=True).samples
    assert len(found) == 10
    assert first not in {row["hash"] for row in found}


def test_vectors_that_come_later_are_found_too_and_counted(home: Catalog) -> None:
    few, query = unit(20, 3), unit(1, 4)[0]
    add_later(home, np.concatenate([few, query[None]]))
    [index] = home.indexes()
    assert (index.later, index.stale) == (21, False)
    ids, scores = Approximate(home.home, space(home), index.parameters).find(query, 3)
    assert ids[scores.argmax()] == SAMPLES + 21
    add_later(home, unit(200, 5))  # ids that are there already stay as they are
    [index] = home.indexes()
    assert (index.later, index.stale) == (200, True)
    listed = run(home, "index").stdout
    assert "200 samples came after it was built" in listed
    assert "catalog index build --space s" in listed


def test_compacting_keeps_an_index_and_what_was_measured(
    home: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.vectors.COMPACT_AT_FRAGMENTS", 1)
    add_later(home, unit(50, 3))
    before = home.indexes()
    vectors = Vectors(home.home, space(home).space, "sample")
    vectors.compact()
    assert home.indexes() == before
    assert before[0].later == 50
    asked = Approximate(home.home, space(home), before[0].parameters)
    ids, _ = asked.find(unit(50, 3)[49], 1)
    assert ids.tolist() == [SAMPLES + 50]
    assert len(vectors.facts()) == SAMPLES + 50


def test_an_index_is_built_anew_in_place_of_the_old_one(home: Catalog) -> None:
    [old] = home.indexes()
    add_later(home, unit(50, 3))
    home.build_index("s", kind="flat")
    [new] = home.indexes()
    assert (old.samples, new.samples, new.later) == (SAMPLES, SAMPLES + 50, 0)
    assert new.parameters["name"] != old.parameters["name"]
    rows = home.sql("select count(*) as n from vector_index").to_pylist()
    assert rows == [{"n": 1}]


def test_a_dropped_index_is_gone_and_the_vectors_stay(home: Catalog) -> None:
    assert run(home, "index", "drop").stdout == "dropped the index of the space s\n"
    assert home.indexes() == []
    assert run(home, "index").stdout.startswith("no index yet.")
    gone = run(home, "search", "--like", "s7", "--ann")
    assert gone.exit_code == 1
    assert "the space 's' has no index" in gone.stderr
    assert "catalog index build --space s" in gone.stderr
    with pytest.raises(UnknownName, match="has no index"):
        home.drop_index("s")
    assert len(home.search(like="s7").samples) == 10


def test_a_small_space_needs_no_index(tmp_path: Path, stocked_home: Path) -> None:
    cat = catalog.open(catalog.open(stocked_home).backup(tmp_path / "home").path)
    add_vectors(cat, "s", numbered(unit(42, 1)), numbered(unit(8, 2)))  # type: ignore[arg-type]
    with pytest.raises(TooFewSamples, match="42 vectors, an index wants at least 1,000"):
        cat.build_index()
    assert cat.jobs()[0]["kind"] != "index"
    with pytest.raises(InvalidInput, match="'pq' is no kind of index"):
        cat.build_index(kind="pq")  # type: ignore[arg-type]


def test_an_index_waits_for_nobody_who_embeds(home: Catalog) -> None:
    lock = home.home.lock(space(home).space.table_name)
    with lock.held(exclusive=True, timeout_seconds=0), pytest.raises(HomeBusy) as raised:
        home.build_index("s")
    assert "changing the vectors of 's'" in raised.value.message
    assert len(home.indexes()) == 1


def test_an_index_that_was_never_measured_says_so(home: Catalog) -> None:
    with Store(home.home).write("index") as transaction:
        from sqlalchemy import delete

        transaction.run(delete(schema.vector_index))
    index = find_index(home.home, space(home))
    assert (index.recall, index.samples, index.kind) == (None, SAMPLES, "flat")
    printed = run(home, "search", "--like", "s7", "--ann").stdout
    assert "its recall was not measured" in printed
    assert "catalog index build --space s" in printed


def test_a_build_that_is_killed_leaves_an_index_and_can_be_run_again(home: Catalog) -> None:
    files = home.home.vectors / f"{space(home).space.table_name}.lance" / "_indices"
    before = set(files.iterdir())
    command = [sys.executable, "-m", "catalog.cli", "--home", str(home.home.path)]
    with subprocess.Popen(
        [*command, "index", "build", "--kind", "rq"],
        cwd=PROJECT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as child:
        deadline = time.monotonic() + 60
        while set(files.iterdir()) == before and time.monotonic() < deadline:
            time.sleep(0.005)
        child.send_signal(signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL
    assert len(home.search(like="s7", ann=True).samples) == 10
    home.build_index("s", kind="rq")
    [index] = home.indexes()
    assert (index.kind, index.samples) == ("rq", SAMPLES)
    assert home.jobs()[0]["status"] == "finished"


def test_an_index_search_gives_up_where_nothing_is_allowed(home: Catalog) -> None:
    asked = Approximate(home.home, space(home), home.indexes()[0].parameters)
    assert asked.nearest(unit(1, 4)[0], 3, lambda ids: ids[:0], lambda ids: ids) is None


def test_ties_among_what_an_index_finds_are_broken_by_order_keys(home: Catalog) -> None:
    add_later(home, np.tile(unit(1, 4), (8, 1)))
    asked = Approximate(home.home, space(home), home.indexes()[0].parameters)
    found = asked.nearest(unit(1, 4)[0], 3, lambda ids: ids, lambda ids: -ids)
    assert found is not None
    assert found[0].tolist() == [SAMPLES + 8, SAMPLES + 7, SAMPLES + 6]
