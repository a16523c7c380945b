"""Round robin over a space of random vectors: each step against the least that it could take."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

import catalog

from .material import Plan
from .measure import catalog_command, in_turns, program, run, spread
from .result import Goal, Stage
from .stock import TASKS, WIDTH, stocked

SELECTED_SHARE = 0.1
SCORING = Goal(limit=1.15)
RULE = Goal(ratio=2)
COMMAND = Goal(memory_bytes=2_000_000_000)


def measure(plan: Plan) -> Iterator[Stage]:
    """Measure the steps in one process with their limits, and the whole command."""
    home = stocked(plan, plan.rows)
    cat = catalog.open(home)
    count = int(cat.sql("select count(*) as samples from sample").to_pylist()[0]["samples"])
    for what, tasks in {"one task": ["squad"], "several tasks": list(TASKS)}.items():
        yield from measure_tasks(plan, home, count, what, tasks)


def measure_tasks(
    plan: Plan, home: Path, count: int, what: str, tasks: Sequence[str]
) -> Iterator[Stage]:
    """Measure with some tasks."""
    chosen = max(int(count * SELECTED_SHARE), 1)
    size = f"{count:,} samples, {sum(TASKS[name] for name in tasks)} queries, width {WIDTH}, {what}"
    steps = run(program("score", home, str(plan.repeats), str(chosen), *tasks))
    seconds = {name: median(values) for name, values in steps.said.items()}
    told = ", ".join(f"{name} {spread(values)}" for name, values in steps.said.items())
    limit = max(("product", "reading"), key=lambda name: seconds[name])
    yield Stage(
        f"select: scoring, {what}",
        size,
        seconds["scoring"],
        steps.peak_memory_bytes,
        goal=SCORING,
        limit={"product": "torch.mm float32", "reading": "reading only"}[limit],
        limit_s=seconds[limit],
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
