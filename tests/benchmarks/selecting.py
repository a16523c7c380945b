"""Round robin over a space of random vectors: its scoring against a bare matrix product."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np

import catalog
import ingest
from catalog import Catalog
from catalog.model import EmbeddingSpace
from catalog.spaces import add_space, pool_ids, query_ids
from catalog.store import Store

from .material import DEFAULT_ROWS, Plan, generated, write_jsonl
from .measure import catalog_command, in_turns, program, run, spread
from .result import Stage

WIDTH = 384
SELECTED_SHARE = 0.1
TASKS = {"mmlu": 285, "gsm8k": 8, "bbh": 81, "tydiqa": 9, "codex": 16, "squad": 500}
"""How many queries each task has: as many as the tasks of that name have in practice."""

SPACE = EmbeddingSpace(
    model="random",
    model_revision="0",
    template="plain",
    template_hash="",
    text="conversation",
    pooling="mean",
    layer="last",
    max_tokens=512,
    compute_dtype="float32",
    stored_dtype="float16",
    width=WIDTH,
)


def measure(plan: Plan) -> Iterator[Stage]:
    """Measure scoring alone, in one process with the bare product, and the whole command."""
    home = plan.folder / "home"
    rows = plan.rows or DEFAULT_ROWS
    run(catalog_command("--home", home, "init"))
    samples = write_jsonl(plan.folder / "samples.jsonl", generated(rows))
    run(catalog_command("--home", home, "ingest", samples))
    count = fill_space(catalog.open(home), plan.folder)
    size = f"{count:,} samples, {sum(TASKS.values())} queries, width {WIDTH}"

    scored = run(program("score", home, str(plan.repeats)))
    ours, product = scored.said["ours"], scored.said["product"]
    yield Stage(
        "select: scoring",
        size,
        median(ours),
        scored.peak_memory_bytes,
        "torch.mm float32",
        median(product),
        notes=(
            "scoring reads float16 vectors from disk and keeps each task's best; the product has "
            "float32 in memory and keeps nothing; memory is of both, the product's matrix included",
            f"ours {spread(ours)}, product {spread(product)}",
        ),
    )

    options = [word for task in TASKS for word in ("--task", task)]
    options += ["--method", "round_robin", "--size", str(int(count * SELECTED_SHARE))]
    [found] = in_turns(
        "select",
        plan.repeats,
        lambda repeat: run(catalog_command("--home", home, "select", f"run-{repeat}", *options)),
    )
    yield Stage(
        "select: whole command",
        size,
        found.seconds,
        found.peak_memory_bytes,
        notes=(f"one sample in {round(1 / SELECTED_SHARE)} selected and frozen", found.facts),
    )


def fill_space(cat: Catalog, folder: Path) -> int:
    """Add the tasks, and random vectors for all samples and queries; return how many samples."""
    from catalog.vectors import Embedded, Kind, Vectors

    for name, queries in TASKS.items():
        rows = [{**row, "id": f"{name}-{row['id']}"} for row in generated(queries)]
        ingest.add_task(cat, name, write_jsonl(folder / f"{name}.jsonl", rows))
    store = Store(cat.home)
    with store.write("embed") as transaction:
        add_space(transaction, "random", SPACE, "")
    with store.read() as reader:
        wanted: dict[Kind, np.ndarray] = {"sample": pool_ids(reader), "query": query_ids(reader)}
    random = np.random.default_rng(0)
    for kind, ids in wanted.items():
        vectors = random.standard_normal((len(ids), WIDTH), np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        ones = np.ones(len(ids), np.float32)
        tokens, cut = np.ones(len(ids), np.int32), np.zeros(len(ids), np.bool_)
        Vectors(cat.home, SPACE, kind).append(Embedded(ids, vectors, ones, tokens, cut))
    return len(wanted["sample"])
