"""The paper's own scripts and this catalog give the same answers, to the last pick."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import catalog
import ingest
from catalog import Catalog
from catalog.model import Pooling
from catalog.spaces import the_space
from catalog.store import Store
from catalog.vectors import Vectors
from ingest.batching import by_tokens
from ingest.encoder import Encoder, EncoderOptions

TASKS = ["numbers", "regex_and_text", "sums", "threads"]
EXACT = {"dtype": "float32", "store": "float32"}


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def embedded(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """The reference pool, taken in backwards, and its tasks, in the RDS+ space."""
    folder = tmp_path_factory.mktemp("reference")
    lines = (reference / "pool.jsonl").read_text(encoding="utf-8").splitlines()
    (folder / "pool.jsonl").write_text("\n".join(reversed(lines)), encoding="utf-8")
    cat = catalog.init(folder / "home")
    ingest.load(cat, [folder / "pool.jsonl"], source="docs")
    for task in reversed(TASKS):
        ingest.add_task(cat, task, reference / "tasks" / f"{task}.jsonl")
    ingest.embed(cat, "rds", model=str(reference / "tiny-llama"), **EXACT)
    return cat


def places(cat: Catalog, reference: Path) -> dict[int, int]:
    """The place in the reference's file of every sample id."""
    count = len(rows(reference / "pool.jsonl"))
    found = cat.sql("select line, sample_id from appearance").to_pylist()
    return {row["sample_id"]: count - row["line"] for row in found}


def test_stored_vectors_have_the_cosines_of_the_scripts(embedded: Catalog, reference: Path) -> None:
    expected = np.load(reference / "expected" / "cosine.npz")
    order = sorted(places(embedded, reference).items(), key=lambda item: item[1])
    with Store(embedded.home).read() as reader:
        space = the_space(reader, "rds").space
        queries = reader.rows("select t.name, q.query_id from query q join task t using (task_id)")
    pool = Vectors(embedded.home, space, "sample").of([sample for sample, _ in order])
    for task in TASKS:
        ids = sorted(row["query_id"] for row in queries if row["name"] == task)
        found = Vectors(embedded.home, space, "query").of(ids) @ pool.T
        assert np.abs(found - expected[f"weighted_mean.{task}"]).max() < 1e-5


@pytest.mark.parametrize("pooling", ["mean", "last_token"])
def test_other_poolings_have_the_cosines_of_the_scripts(reference: Path, pooling: Pooling) -> None:
    options = EncoderOptions(pooling=pooling, device="cpu", **EXACT)  # type: ignore[arg-type]
    encoder = Encoder(str(reference / "tiny-llama"), options)
    expected = np.load(reference / "expected" / "cosine.npz")

    def encode(messages: Iterator[list[dict[str, Any]]]) -> np.ndarray:
        ids = encoder.tokenize([encoder.render(talk) for talk in messages]).ids
        found = np.zeros((len(ids), 64), np.float32)
        for batch in by_tokens([len(text) for text in ids], 4096):
            found[batch], _ = encoder.encode([ids[position] for position in batch])
        return found

    some = slice(None, None, 5)
    pool = encode(row["messages"] for row in rows(reference / "pool.jsonl")[some])
    for task in TASKS:
        queries = encode(row["messages"] for row in rows(reference / f"tasks/{task}.jsonl"))
        assert np.abs(queries @ pool.T - expected[f"{pooling}.{task}"][:, some]).max() < 1e-5


def chosen(cat: Catalog, reference: Path, **options: Any) -> list[int]:
    """The places in the reference's file of what a rule selects, in order."""
    place = places(cat, reference)
    found = cat.select("case", **options)
    return [place[sample] for sample in found.members()["sample_id"].to_pylist()]


def test_rules_pick_what_the_scripts_pick(embedded: Catalog, reference: Path) -> None:
    expected = json.loads((reference / "expected" / "selected.json").read_text())
    compared = dict.fromkeys(("round_robin", "mean_max", "global_max"), 0)
    for case, members in expected.items():
        over, _, rest = case.removeprefix("rr_").partition("_")
        method = "round_robin" if case.startswith("rr_") else f"{over}_max"
        task, _, size = rest.removeprefix("max_").rpartition("_")
        tasks = [task] if task else TASKS
        found = chosen(embedded, reference, method=method, tasks=tasks, size=int(size))
        if method == "mean_max":  # the script lists them worst first
            found, members = sorted(found), sorted(members)
        assert found == members, case
        compared[method] += 1
    assert compared == {"round_robin": 11, "mean_max": 8, "global_max": 8}
