"""Round robin over a space of random vectors: each step against the least that it could take."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

import numpy as np

import catalog
import ingest
from catalog import Catalog
from catalog.model import EmbeddingSpace
from catalog.spaces import add_space, pool_ids, query_ids
from catalog.store import Store

from .material import Plan, generated, write_jsonl
from .measure import catalog_command, in_turns, program, run, spread
from .result import Goal, Stage

WIDTH = 384
ROWS = 300_000
SELECTED_SHARE = 0.1
TASKS = {"mmlu": 285, "gsm8k": 8, "bbh": 81, "tydiqa": 9, "codex": 16, "squad": 501}
"""How many queries each task has: about as many as the tasks of that name have in practice."""

ALONE = "alone"
"""One task with as many queries as all others together: a list per query, not per task."""

SCORING = Goal(ratio=1.15)
RULE = Goal(ratio=2)
COMMAND = Goal(memory_bytes=2_000_000_000)

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
    """Measure the steps in one process with their limits, and the whole command."""
    home = plan.folder / "home"
    run(catalog_command("--home", home, "init"))
    samples = write_jsonl(plan.folder / "samples.jsonl", generated(plan.rows or ROWS))
    run(catalog_command("--home", home, "ingest", samples))
    samples.unlink()
    count = fill_space(catalog.open(home), plan.folder)
    for what, tasks in {"one task": [ALONE], "several tasks": list(TASKS)}.items():
        yield from measure_tasks(plan, home, count, what, tasks)


def measure_tasks(
    plan: Plan, home: Path, count: int, what: str, tasks: Sequence[str]
) -> Iterator[Stage]:
    """Measure with some tasks."""
    chosen = max(int(count * SELECTED_SHARE), 1)
    size = f"{count:,} samples, {sum(TASKS.values())} queries, width {WIDTH}, {what}"
    steps = run(program("score", home, str(plan.repeats), str(chosen), *tasks))
    seconds = {name: median(values) for name, values in steps.said.items()}
    told = ", ".join(f"{name} {spread(values)}" for name, values in steps.said.items())
    limit = max(("product", "reading"), key=lambda name: seconds[name])
    yield Stage(
        f"select: scoring, {what}",
        size,
        seconds["scoring"],
        steps.peak_memory_bytes,
        {"product": "torch.mm float32", "reading": "reading only"}[limit],
        seconds[limit],
        SCORING,
        notes=(
            "from float16 vectors on disk to ranked lists in Arrow, queries read too; the limit is "
            "the longer of multiplying alone, in memory and in the same blocks, and reading alone",
            told,
        ),
    )
    yield Stage(
        f"select: rule, {what}",
        size,
        seconds["sql"],
        None,
        "numpy",
        seconds["numpy"],
        RULE,
        notes=(
            "round_robin.sql in an open connection, against sorts and minima in numpy; starting "
            "DuckDB for it comes on top",
        ),
    )
    options = [word for task in tasks for word in ("--task", task)]
    options += ["--method", "round_robin", "--size", str(chosen)]
    [found] = in_turns(
        f"select, {what}",
        plan.repeats,
        lambda repeat: run(catalog_command("--home", home, "select", f"run-{repeat}", *options)),
    )
    yield Stage(
        f"select: whole command, {what}",
        size,
        found.seconds,
        found.peak_memory_bytes,
        goal=COMMAND,
        notes=(f"one sample in {round(1 / SELECTED_SHARE)} selected and frozen", found.facts),
    )


def fill_space(cat: Catalog, folder: Path) -> int:
    """Add the tasks, and random vectors for all samples and queries; return how many samples."""
    from catalog.vectors import Embedded, Kind, Vectors

    for name, queries in {**TASKS, ALONE: sum(TASKS.values())}.items():
        rows = [{**row, "id": f"{name}-{row['id']}"} for row in generated(queries)]
        ingest.add_task(cat, name, write_jsonl(folder / f"{name}.jsonl", rows), check=False)
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
