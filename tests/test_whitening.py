"""Whitened spaces: fitted on a fixed draw, filled in as the pool grows, used like any other."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import catalog
import ingest
from catalog import Catalog
from catalog.errors import (
    CatalogError,
    InvalidInput,
    MissingVectors,
    SpaceMismatch,
    StoreError,
    UnknownName,
)
from catalog.spaces import find_space, pool_ids, query_ids
from catalog.store import Store
from catalog.vectors import Vectors
from catalog.whitening import BLOCK_ROWS, Derivation, Moments, Whitening, transform_path
from tests.conftest import talk
from tests.tiny import add_vectors

WIDTH = 6


def made(cat: Catalog, store: Any = "float32") -> Catalog:
    """Give every sample and query a vector that depends on its content alone."""
    with Store(cat.home).read() as reader:
        samples = reader.rows("select sample_id as id, content_hash from sample")
        queries = reader.rows("select query_id as id, content_hash from query")
    vectors = [{row["id"]: _of(row["content_hash"]) for row in rows} for rows in (samples, queries)]
    add_vectors(cat, "base", vectors[0], vectors[1], store)
    return cat


def _of(content_hash: bytes) -> list[float]:
    generator = np.random.default_rng(int.from_bytes(content_hash[:8], "big"))
    return (generator.normal(size=WIDTH) * [9, 5, 3, 2, 1, 0.5] + [20, 0, 0, 4, 0, 0]).tolist()


@pytest.fixture
def stocked(stocked_home: Path, tmp_path: Path) -> Catalog:
    shutil.copytree(stocked_home, tmp_path / "home")
    return made(catalog.open(tmp_path / "home"))


def vectors_of(cat: Catalog, name: str, kind: Any = "sample") -> dict[bytes, np.ndarray]:
    """Every stored vector by content hash, times its norm."""
    key = f"{kind}_id"
    with Store(cat.home).read() as reader:
        named = find_space(reader, name)
        rows = reader.rows(f"select {key} as id, content_hash from {kind}")
    assert named
    lookup = Vectors(cat.home, named.space, kind).lookup()
    found = lookup.embedded(np.array([row["id"] for row in rows]))
    whole = found.vectors.astype(np.float64) * found.norms[:, None]
    return {row["content_hash"]: vector for row, vector in zip(rows, whole, strict=True)}


def test_what_was_fitted_on_has_the_identity_as_covariance() -> None:
    generator = np.random.default_rng(0)
    mixed = generator.normal(size=(5000, 12)) @ generator.normal(size=(12, 12)) + 100
    moments = Moments(12)
    for start in range(0, 5000, 700):
        moments.add(mixed[start : start + 700])
    projected = moments.whitening(7, "float32").project(mixed)
    assert np.allclose(projected.mean(axis=0), 0, atol=1e-9)
    assert np.allclose(np.cov(projected.T), np.eye(7), atol=1e-9)


def test_it_is_the_pca_of_scikit_learn() -> None:
    decomposition = pytest.importorskip("sklearn.decomposition")
    generator = np.random.default_rng(1)
    mixed = generator.normal(size=(900, 8)) @ generator.normal(size=(8, 8)) - 3
    moments = Moments(8)
    moments.add(mixed)
    ours = moments.whitening(5, "float32").project(mixed)
    theirs = decomposition.PCA(5, whiten=True, svd_solver="full").fit_transform(mixed)
    signs = np.sign((ours * theirs).sum(axis=0))
    assert np.allclose(ours, theirs * signs, atol=1e-9)


def test_the_largest_number_of_a_direction_is_positive() -> None:
    generator = np.random.default_rng(2)
    for _ in range(5):
        moments = Moments(4)
        moments.add(generator.normal(size=(50, 4)))
        matrix = moments.whitening(4, "float32").matrix
        assert (matrix[np.abs(matrix).argmax(axis=0), np.arange(4)] > 0).all()


@pytest.mark.parametrize(("stored", "rank"), [("float32", 3), ("float16", 3)])
def test_rounding_is_no_component(stored: Any, rank: int) -> None:
    generator = np.random.default_rng(3)
    flat = generator.normal(size=(2000, rank)) @ generator.normal(size=(rank, 10)) + 1
    moments = Moments(10)
    moments.add(flat.astype(stored).astype(np.float64))
    assert moments.whitening(rank, stored).matrix.shape == (10, rank)
    with pytest.raises(InvalidInput, match="4 components were asked for, and the 2,000 vectors"):
        moments.whitening(rank + 1, stored)


def test_one_vector_alone_has_no_component() -> None:
    moments = Moments(3)
    moments.add(np.ones((1, 3)))
    with pytest.raises(InvalidInput, match="have 0"):
        moments.whitening(1, "float32")


def test_what_equals_the_mean_has_no_direction_and_no_nan() -> None:
    whitening = Whitening(np.array([4.0, 0.0]), np.eye(2))
    vectors, norms = whitening.apply(
        np.array([[1, 0], [0, 1]], np.float32), np.array([4, 3], np.float32)
    )
    assert np.allclose(vectors, [[0, 0], [-0.8, 0.6]], atol=1e-7)
    assert norms.tolist() == [0, 5]


def test_a_vector_is_whitened_alike_alone_and_among_others() -> None:
    generator = np.random.default_rng(4)
    vectors = generator.normal(size=(BLOCK_ROWS + 90, 24)).astype(np.float32)
    norms = np.ones(len(vectors), np.float32)
    whitening = Whitening(generator.normal(size=24), generator.normal(size=(24, 9)))
    whole, _ = whitening.apply(vectors, norms)
    for row in (0, 77, BLOCK_ROWS - 1, BLOCK_ROWS, BLOCK_ROWS + 89):
        alone, _ = whitening.apply(vectors[row : row + 1], norms[:1])
        assert np.array_equal(alone[0], whole[row])


def test_the_whole_pool_fitted_on_is_white(stocked: Catalog) -> None:
    report = ingest.whiten(stocked, "white", base="base", components=4)
    assert (report.base, report.fitted, report.new) == ("base", 42, True)
    assert (report.samples, report.queries, report.lacking) == (42, 8, 0)
    found = np.stack(list(vectors_of(stocked, "white").values()))
    assert np.allclose(np.cov(found.T), np.eye(4), atol=1e-5)
    unwhitened = np.stack(list(vectors_of(stocked, "base").values()))
    mean, queries = unwhitened.mean(axis=0), vectors_of(stocked, "base", "query")
    with Store(stocked.home).read() as reader:
        named = find_space(reader, "white")
    assert named
    kept = Whitening.load(transform_path(stocked.home, named.space))
    assert np.allclose(kept.mean, mean, atol=1e-5)
    for content_hash, vector in vectors_of(stocked, "white", "query").items():
        assert np.allclose(vector, (queries[content_hash] - mean) @ kept.matrix, atol=1e-4)


def test_the_contract_says_how_it_was_made(stocked: Catalog) -> None:
    report = ingest.whiten(stocked, "white", base="base", components=2, sample=20, seed=5)
    with Store(stocked.home).read() as reader:
        base, white = find_space(reader, "base"), find_space(reader, "white")
        drawn = reader.rows(
            "select content_hash from sample order by md5('5' || lower(hex(content_hash))) limit 20"
        )
    assert base and white and white == report.space
    derivation = Derivation.read(white.space)
    assert derivation
    assert derivation.base == base.space.table_name
    assert (derivation.components, derivation.sample, derivation.seed) == (2, 20, 5)
    assert derivation.fitted_samples == 20
    import hashlib

    joined = b"".join(row["content_hash"] for row in drawn)
    assert derivation.fitted == hashlib.sha256(joined).hexdigest()
    assert json.loads(white.space.derivation)["whiten"]["fitted"] == derivation.fitted
    assert (white.space.width, white.space.stored_dtype) == (2, "float32")
    assert white.space.table_name != base.space.table_name
    assert Derivation.read(base.space) is None


def test_ingest_in_the_opposite_order_gives_the_same_space(
    stocked: Catalog, backwards_home: Path, tmp_path: Path
) -> None:
    shutil.copytree(backwards_home, tmp_path / "backwards")
    backwards = made(catalog.open(tmp_path / "backwards"))
    spaces = [
        ingest.whiten(cat, "white", base="base", components=3, sample=30).space.space
        for cat in (stocked, backwards)
    ]
    assert spaces[0] == spaces[1]
    for kind in ("sample", "query"):
        one, other = vectors_of(stocked, "white", kind), vectors_of(backwards, "white", kind)
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[key], other[key]) for key in one)


def test_doing_it_again_does_nothing(stocked: Catalog) -> None:
    first = ingest.whiten(stocked, "white", base="base", components=3)
    before = vectors_of(stocked, "white")
    again = ingest.whiten(stocked, "white", base="base", components=3)
    assert again.space == first.space
    assert (again.new, again.samples, again.queries) == (False, 0, 0)
    after = vectors_of(stocked, "white")
    assert all(np.array_equal(before[key], after[key]) for key in before)


def grow(cat: Catalog, write_jsonl: Any) -> list[int]:
    """Take in three more samples and return their ids."""
    with Store(cat.home).read() as reader:
        known = pool_ids(reader).tolist()
    ingest.load(
        cat, [write_jsonl("more.jsonl", [talk(f"More {n}?") for n in range(3)])], source="d"
    )
    with Store(cat.home).read() as reader:
        return sorted(set(pool_ids(reader).tolist()) - set(known))


def test_new_samples_are_transformed_once_the_base_has_them(
    stocked: Catalog, write_jsonl: Any
) -> None:
    ingest.whiten(stocked, "white", base="base", components=3)
    before = vectors_of(stocked, "white")
    new = grow(stocked, write_jsonl)
    with pytest.raises(MissingVectors, match="3 samples or queries have no vector") as caught:
        ingest.embed(stocked, "white")
    assert "`catalog embed --space base`" in str(caught.value.hint)
    with Store(stocked.home).read() as reader:
        rows = reader.rows("select sample_id, content_hash from sample")
        named = find_space(reader, "base")
    assert named
    fresh = {row["sample_id"]: _of(row["content_hash"]) for row in rows if row["sample_id"] in new}
    from tests.tiny import _embedded

    Vectors(stocked.home, named.space, "sample").append(_embedded(fresh))
    report = ingest.embed(stocked, "white")
    assert (report.samples, report.queries, report.tokens) == (3, 0, 0)
    after = vectors_of(stocked, "white")
    assert len(after) == 45
    assert all(np.array_equal(before[key], after[key]) for key in before)  # no new fit
    counted = stocked.sql("select count(*) as n from score where scorer = 'tokens'").to_pylist()
    assert counted[0]["n"] == 45


def test_a_job_killed_after_storing_vectors_goes_on(stocked: Catalog) -> None:
    from catalog.errors import CatalogError as Stopped
    from ingest import derived

    record = derived._Filling._record

    def killed(self: Any, facts: Any, counts: Any) -> None:
        raise Stopped("killed")

    derived._Filling._record = killed  # type: ignore[method-assign,assignment]
    try:
        with pytest.raises(Stopped, match="killed"):
            ingest.whiten(stocked, "white", base="base", components=3)
    finally:
        derived._Filling._record = record  # type: ignore[method-assign]
    report = ingest.whiten(stocked, "white", base="base", components=3)
    assert report.samples == 0  # they were stored, and only their token counts were lost
    shown = {row["name"]: row for row in stocked.spaces()}
    assert shown["white"]["samples"] == 42
    assert shown["white"]["tokens"] == 42 * 7
    jobs = [job for job in stocked.jobs() if job["kind"] == "whiten"]
    assert [job["status"] for job in jobs] == ["finished"]


def test_a_whitened_space_is_selected_in_like_any_other(stocked: Catalog, tmp_path: Path) -> None:
    ingest.whiten(stocked, "white", base="base", components=WIDTH)
    snapshot = stocked.select(
        "s", method="round_robin", tasks=["one", "three"], size=9, space="white"
    )
    assert snapshot.members().num_rows == 9
    stocked.show("s")
    stocked.export("s", tmp_path / "s.jsonl")
    assert len((tmp_path / "s.jsonl").read_text().splitlines()) == 9
    by_tokens = stocked.select("t", method="round_robin", tasks=["one"], tokens=21, space="white")
    assert by_tokens.members().num_rows == 3  # of seven tokens each


def test_the_list_of_spaces_says_what_each_lacks(stocked: Catalog, write_jsonl: Any) -> None:
    ingest.whiten(stocked, "white", base="base", components=3)
    grow(stocked, write_jsonl)
    rows = {row["name"]: row for row in stocked.spaces()}
    names = ("made_of", "width", "samples", "queries", "lacking_samples", "lacking_queries")
    assert [rows["white"][name] for name in names] == ["base", 3, 42, 8, 3, 0]
    assert [rows["base"][name] for name in names][:2] == [None, WIDTH]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"components": 7}, InvalidInput, "7 components were asked for, the space 'base' is 6"),
        ({"components": 5, "sample": 5}, InvalidInput, "5 components .* the 5 vectors .* have 4"),
        ({"components": 0}, InvalidInput, "components is 0"),
        ({"sample": 0}, InvalidInput, "sample is 0"),
        ({"base": "bsae"}, UnknownName, "no space named 'bsae'"),
    ],
)
def test_what_cannot_be_whitened_is_refused_and_nothing_written(
    stocked: Catalog, options: dict[str, Any], error: type[CatalogError], message: str
) -> None:
    before = sorted(path.name for path in stocked.home.vectors.iterdir())
    with pytest.raises(error, match=message):
        ingest.whiten(stocked, "white", **{"base": "base", "components": 3, **options})
    assert [row["name"] for row in stocked.spaces()] == ["base"]
    with Store(stocked.home).read() as reader:
        assert find_space(reader, "white") is None
    assert [name for name in before if "_query" not in name] == sorted(
        path.name for path in stocked.home.vectors.iterdir() if "_query" not in path.name
    )


def test_a_name_stands_for_one_space(stocked: Catalog) -> None:
    ingest.whiten(stocked, "white", base="base", components=3)
    with pytest.raises(SpaceMismatch, match="components is 3, asked for 2"):
        ingest.whiten(stocked, "white", base="base", components=2)
    with pytest.raises(SpaceMismatch, match="store is 'float32', asked for 'float16'"):
        ingest.whiten(stocked, "white", base="base", components=3, store="float16")
    with pytest.raises(SpaceMismatch, match="made by the model"):
        ingest.whiten(stocked, "base", base="base", components=3)
    with pytest.raises(InvalidInput, match="whitened itself"):
        ingest.whiten(stocked, "whiter", base="white", components=2)
    with pytest.raises(InvalidInput, match="model has no use"):
        ingest.embed(stocked, "white", model="minilm")


def test_a_base_with_gaps_is_refused_unless_they_are_skipped(
    stocked: Catalog, write_jsonl: Any
) -> None:
    grow(stocked, write_jsonl)
    with pytest.raises(MissingVectors, match="no vectors for 3 of 45 samples") as caught:
        ingest.whiten(stocked, "white", base="base", components=3)
    assert "catalog embed --space base" in str(caught.value.hint)
    report = ingest.whiten(stocked, "white", base="base", components=3, skip_missing=True)
    assert (report.fitted, report.samples, report.lacking) == (42, 42, 3)


def test_a_lost_transform_is_told(stocked: Catalog, write_jsonl: Any) -> None:
    report = ingest.whiten(stocked, "white", base="base", components=3)
    transform_path(stocked.home, report.space.space).unlink()
    with pytest.raises(StoreError, match="cannot be read"):
        ingest.embed(stocked, "white")


def test_a_backup_holds_the_transform(stocked: Catalog, tmp_path: Path) -> None:
    ingest.whiten(stocked, "white", base="base", components=3)
    stocked.backup(tmp_path / "copy")
    copy = catalog.open(tmp_path / "copy")
    assert ingest.embed(copy, "white").samples == 0
    with Store(copy.home).read() as reader:
        asked = query_ids(reader).tolist()
        named = find_space(reader, "white")
    assert named
    assert Vectors(copy.home, named.space, "query").of(asked).shape == (8, 3)
