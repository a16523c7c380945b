"""Homes to measure with: a pool of some size, the paper's tasks, and a vector for everything."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

import catalog
import ingest
from catalog import Catalog
from catalog.model import EmbeddingSpace
from catalog.spaces import add_space, pool_ids, query_ids
from catalog.store import Store
from catalog.vectors import Embedded, Kind, Vectors

from .material import Plan, generated, write_jsonl
from .measure import catalog_command, run

WIDTH = 384
TASKS = {
    "mmlu": 285,
    "gsm8k": 8,
    "bbh": 81,
    "tydiqa": 9,
    "codex": 16,
    "squad": 500,
    "alpacaeval": 50,
}
"""How many queries each task of the paper has: 949 together."""

SPACE = "made"
CHUNK_ROWS = 250_000
CLUSTERS = 512
DIRECTIONS = 48
"""Made vectors lie in clusters and vary in few directions, as those of a language model do."""


def ingested(plan: Plan, rows: int) -> Path:
    """Return a home with a pool of so many conversations, made once; who writes to it copies it."""
    home = plan.folder / f"home-{rows}"
    if not home.exists():
        making = plan.folder / f"making-{rows}"
        run(catalog_command("--home", making, "init"))
        run(catalog_command("--home", making, "ingest", *plan.inputs(rows)))
        making.rename(home)
    return home


def stocked(plan: Plan, rows: int) -> Path:
    """Return the same home after it was given the paper's tasks and a space of made vectors."""
    home = ingested(plan, rows)
    cat = catalog.open(home)
    if not cat.spaces():
        add_tasks(cat, plan.room("tasks"))
        fill_space(cat, SPACE, WIDTH, "float16")
    return home


def add_tasks(cat: Catalog, folder: Path) -> None:
    """Add the tasks of the paper, with made queries."""
    for name, queries in TASKS.items():
        rows = [{**row, "id": f"{name}-{row['id']}"} for row in generated(queries)]
        ingest.add_task(cat, name, write_jsonl(folder / f"{name}.jsonl", rows), check=False)


def fill_space(cat: Catalog, name: str, width: int, stored: str) -> None:
    """Add a space and made vectors for all samples and queries, a chunk at a time."""
    space = made_space(width, stored)
    store = Store(cat.home)
    with store.write("embed") as transaction:
        add_space(transaction, name, space, "")
    with store.read() as reader:
        wanted: dict[Kind, npt.NDArray[np.int64]] = {
            "sample": pool_ids(reader),
            "query": query_ids(reader),
        }
    for kind, ids in wanted.items():
        vectors = Vectors(cat.home, space, kind)
        for start, block in zip(
            range(0, len(ids), CHUNK_ROWS), made_vectors(len(ids), width), strict=True
        ):
            vectors.append(embedded(ids[start : start + CHUNK_ROWS], block))


def made_space(width: int, stored: str) -> EmbeddingSpace:
    """Return a space that no model has made."""
    return EmbeddingSpace(
        model=f"made-{width}-{stored}",
        model_revision="0",
        template="plain",
        template_hash="",
        text="conversation",
        pooling="mean",
        layer="last",
        max_tokens=512,
        compute_dtype="float32",
        stored_dtype=stored,
        width=width,
    )


def made_vectors(
    count: int, width: int, chunk_rows: int = CHUNK_ROWS
) -> Iterator[npt.NDArray[np.float32]]:
    """Give this many vectors of length 1 in chunks, always the same for a width."""
    random = np.random.default_rng(width)
    centres = random.standard_normal((CLUSTERS, width), np.float32)
    directions = random.standard_normal((DIRECTIONS, width), np.float32)
    random = np.random.default_rng(count)
    for start in range(0, count, chunk_rows):
        rows = min(chunk_rows, count - start)
        block = random.standard_normal((rows, DIRECTIONS), np.float32) @ directions
        block *= DIRECTIONS**-0.5
        block += centres[random.integers(0, CLUSTERS, rows)]
        block += 0.1 * random.standard_normal((rows, width), np.float32)
        block /= np.linalg.norm(block, axis=1, keepdims=True)
        yield block


def embedded(
    ids: Sequence[int] | npt.NDArray[np.int64], vectors: npt.NDArray[np.float32]
) -> Embedded:
    """Return vectors as they are added to a space."""
    ones = np.ones(len(ids), np.float32)
    return Embedded(
        np.asarray(ids, np.int64),
        vectors,
        ones,
        np.ones(len(ids), np.int32),
        np.zeros(len(ids), np.bool_),
    )
