"""What tests of explanations share: a home with vectors, and changes made behind its back."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np

import catalog
from catalog import Catalog, schema
from catalog.store import Store
from catalog.vectors import Vectors
from tests.tiny import add_vectors

WIDTH = 6


def vectors_of(cat: Catalog, seed: int = 0) -> tuple[dict[int, Any], dict[int, Any]]:
    """Random vectors of every sample and query, by id; some samples have the same, so that tie."""
    generator = np.random.default_rng(seed)
    samples = [row["sample_id"] for row in cat.sql("from pool order by sample_id").to_pylist()]
    queries = [row["query_id"] for row in cat.sql("from query order by query_id").to_pylist()]
    made = {key: generator.normal(size=WIDTH) for key in samples}
    for first, second in zip(samples[::7], samples[1::7], strict=False):
        made[second] = made[first]
    return made, {key: generator.normal(size=WIDTH) for key in queries}


def with_vectors(stocked_home: Path, folder: Path) -> Catalog:
    """A copy of the stocked home with a space of random vectors."""
    cat = catalog.open(shutil.copytree(stocked_home, folder / "home"))
    add_vectors(cat, "made", *vectors_of(cat))
    return cat


def hash_of(cat: Catalog, external_id: str) -> str:
    """The content hash of the sample that a row brought."""
    [row] = cat.sql("select distinct hash from appearance join pool using (sample_id) "
                    "where external_id = $id", id=external_id).to_pylist()  # fmt: skip
    return str(row["hash"])


def set_retired(cat: Catalog, sample_ids: list[int], *, retired: bool = True) -> None:
    """Take samples back, or restore them."""
    with Store(cat.home).write("retire") as transaction:
        rows = [{"sample_id": key, "retired": retired, "reason": "asked for"} for key in sample_ids]
        transaction.insert(schema.retirement, *rows)


def set_vector(cat: Catalog, name: str, sample_id: int, vector: Any) -> None:
    """Put another vector in place of a sample's, as nothing in the catalog does."""
    [row] = cat.sql("from embedding_space where name = $name", name=name).to_pylist()
    from catalog.model import EmbeddingSpace

    held = Vectors(cat.home, EmbeddingSpace.from_row(row), "sample")
    unit = np.asarray(vector, np.float64) / np.linalg.norm(vector)
    held._table.update(
        where=f"sample_id = {sample_id}", values={"vector": unit.astype(np.float32).tolist()}
    )


def not_members(cat: Catalog, snapshot: str) -> list[dict[str, Any]]:
    """The pool's samples that a snapshot does not hold."""
    return cat.sql(
        "select sample_id, hash, source from pool where sample_id not in "
        "(select sample_id from member where snapshot = $snapshot) order by sample_id",
        snapshot=snapshot,
    ).to_pylist()
