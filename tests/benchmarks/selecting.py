"""Round robin over made vectors: the choosing alone, and the command that does it all."""

import shutil
from collections.abc import Iterator
from math import log2
from pathlib import Path
from statistics import median

import catalog

from .material import Plan
from .measure import Series, catalog_command, in_turns, program, run, spread
from .result import Goal, Stage
from .stock import TASKS, WIDTH, fill_space, stocked

SHARE = 0.43
"""Of the pool is selected for several tasks: 2.5M of 5.8M."""

FEW = 10_000
"""Samples selected for one task, or a tenth of a small pool."""

RULE = Goal(ratio=2)
COMMAND = Goal(seconds=180, memory_bytes=4_000_000_000)
SMALL_COMMAND = Goal(memory_bytes=4_000_000_000)
DICT_SAMPLES, POP_POOL = 1_000, 60_000
"""What the official way can bear."""

WIDE_ROWS, WIDE_WIDTH, WIDE_BYTES = 1_000_000, 4096, 20_000_000_000


def measure(plan: Plan) -> Iterator[Stage]:
    """Measure the choosing in one process with numpy, and whole commands."""
    home = stocked(plan, plan.rows)
    count = samples(home)
    few, many = min(FEW, max(count // 10, 1)), max(int(count * SHARE), 1)
    size = f"{few:,} of {count:,} samples, {TASKS['squad']} queries"
    yield choosing("one task", size, choose(plan, home, few, "squad"))
    steps = choose(plan, home, many, *TASKS)
    size = f"{many:,} of {count:,} samples, {len(TASKS)} tasks"
    yield choosing("several tasks", size, steps)
    whole = command(plan, home, many)
    quarter = stocked(plan, plan.quarter)
    less = command(plan, quarter, max(int(samples(quarter) * SHARE), 1))
    least = max(steps["product"], steps["reading"]) + steps["numpy"]
    size += f", {sum(TASKS.values())} queries, width {WIDTH}"
    yield Stage(
        "select: whole command",
        size,
        whole.seconds,
        whole.peak_memory_bytes,
        goal=COMMAND if plan.full else SMALL_COMMAND,
        limit="multiply or read, sort",
        limit_s=least,
        quarter_s=less.seconds,
        notes=(
            "starting Python, reading the pool, scoring, choosing, freezing with all reasons; the "
            "limit is the longer of torch.mm in float32 and of reading the vectors, plus numpy's "
            "argsorts and minimum",
            f"multiplying {steps['product']:.2f} s, reading {steps['reading']:.2f} s",
            whole.facts,
        ),
    )
    yield official(size, count, whole)
    if plan.full:
        yield from wide(plan)


def samples(home: Path) -> int:
    """Return how many samples a home has."""
    counted = catalog.open(home).sql("select count(*) as samples from sample").to_pylist()
    return int(counted[0]["samples"])


def choose(plan: Plan, home: Path, size: int, *tasks: str) -> dict[str, float]:
    """Return the median seconds of every step of `programs/choose.py`."""
    steps = run(program("choose", home, str(plan.repeats), str(size), *tasks))
    return {name: median(seconds) for name, seconds in steps.said.items()}


def choosing(what: str, size: str, steps: dict[str, float]) -> Stage:
    """Return the line of choosing alone."""
    return Stage(
        f"select: choosing, {what}",
        size,
        steps["ours"],
        None,
        "numpy",
        steps["numpy"],
        RULE,
        notes=(
            "from scores in memory to members in order with task, query, rank, turn and score, "
            "DuckDB started for the rule; numpy: an argsort per task, or of the best of each "
            "query's scores, and a minimum, without reasons and with ties as they fall",
        ),
    )


def command(plan: Plan, home: Path, size: int) -> Series:
    """Select for all tasks as a user does, each time under another name."""
    options = [word for task in TASKS for word in ("--task", task)]
    options += ["--method", "round_robin", "--size", str(size)]
    copy = plan.room("select")
    shutil.copytree(home, copy, dirs_exist_ok=True, copy_function=_linked)
    [found] = in_turns(
        f"select {size:,}",
        plan.repeats,
        lambda repeat: run(catalog_command("--home", copy, "select", f"run-{repeat}", *options)),
    )
    shutil.rmtree(copy)
    return found


def _linked(source: str, target: str) -> str:
    """Copy what is written to; vectors' files never change."""
    path = Path(target)
    if path.suffix == ".lance":
        path.hardlink_to(source)
    else:
        shutil.copy2(source, target)
    return target


def official(size: str, count: int, ours: Series) -> Stage:
    """Compare with what the official scripts do, at a size that it can bear, extrapolated."""
    queries = list(map(str, TASKS.values()))
    small = run(program("pop", DICT_SAMPLES, POP_POOL // 2, SHARE, *queries)).said
    large = run(program("pop", DICT_SAMPLES, POP_POOL, SHARE, *queries)).said
    power = max(log2(large["popping"] / small["popping"]), 1.0)
    ranking = large["ranking"] * count / DICT_SAMPLES
    popping = large["popping"] * (count / POP_POOL) ** power
    return Stage(
        "select: official algorithm",
        size,
        ours.seconds,
        ours.peak_memory_bytes,
        "Python dicts and pop(0), extrapolated",
        ranking + popping,
        Goal(ratio=1),
        notes=(
            f"the peer's time is extrapolated, and leaves out making the scores: dicts and sorting "
            f"{large['ranking']:.2f} s for {DICT_SAMPLES:,} samples, grown in line; taking turns "
            f"by list.pop(0) {large['popping']:.2f} s for {POP_POOL:,}, grown by the power "
            f"{power:.2f} that half of it shows",
            f"at the size above: {ranking:,.0f} s and {popping:,.0f} s, if its dicts had room",
            spread([run.seconds for run in ours.runs]),
        ),
    )


def wide(plan: Plan) -> Iterator[Stage]:
    """Measure the command over vectors as wide as a language model's, if the disk has room."""
    if shutil.disk_usage(plan.folder).free < WIDE_BYTES:
        return
    home = stocked(plan, WIDE_ROWS)
    copy = plan.room("wide")
    for name in ("catalog.duckdb", "catalog.toml"):
        shutil.copy2(home / name, copy / name)
    cat = catalog.open(copy)
    fill_space(cat, "wide", WIDE_WIDTH, "float16")
    count = samples(copy)
    many = int(count * SHARE)
    options = [word for task in TASKS for word in ("--task", task)]
    options += ["--space", "wide", "--method", "round_robin", "--size", str(many)]
    [found] = in_turns(
        "select, wide",
        plan.repeats,
        lambda repeat: run(catalog_command("--home", copy, "select", f"run-{repeat}", *options)),
    )
    queries = sum(TASKS.values())
    least = run(
        program("choose", "limits", copy / "vectors", str(count), str(WIDE_WIDTH), str(queries))
    ).said
    shutil.rmtree(copy)
    yield Stage(
        "select: whole command, wide",
        f"{many:,} of {count:,} samples, {len(TASKS)} tasks, {queries} queries, width {WIDE_WIDTH}",
        found.seconds,
        found.peak_memory_bytes,
        goal=SMALL_COMMAND,
        limit="multiply or read",
        limit_s=max(least.values()),
        notes=(
            f"multiplying {least['product']:.2f} s, reading {least['reading']:.2f} s, as warm as "
            "the command finds the files",
            found.facts,
        ),
    )
