"""How long a user waits for commands that do little, against Python that does nothing."""

import sys
from collections.abc import Iterator
from functools import partial

from .material import Plan, generated, write_jsonl
from .measure import Measured, catalog_command, in_turns, run
from .result import Goal, Stage

ROWS = 200
RUNS_PER_REPEAT = 3
"""These are short, so that each can run more often than the long stages do."""

UNCACHED = "PYTHONDONTWRITEBYTECODE is set: modules without a cache are compiled at every start"


def measure(plan: Plan) -> Iterator[Stage]:
    """Measure them in a small home with one snapshot."""
    folder = plan.room("commands")
    home = folder / "home"
    rows = write_jsonl(folder / "few.jsonl", generated(ROWS))
    select = ("select", "few", "--method", "random", "--size", "50")
    for arguments in (("init",), ("ingest", rows), select):
        run(catalog_command("--home", home, *arguments))
    timed = {
        "catalog --help": (("--help",), 0.15),
        "catalog snapshots": (("--home", home, "snapshots"), 0.5),
        'catalog sql "select 1"': (("--home", home, "sql", "select 1"), 0.5),
    }
    sides = [[sys.executable, "-c", "pass"]]
    sides += [catalog_command(*arguments) for arguments, _ in timed.values()]
    for side in sides:
        run(side)  # a first run may have to compile modules
    # Without its cache every start compiles our modules, which an installed user does not see.
    compiling = (UNCACHED,) if sys.dont_write_bytecode else ()
    floor, *series = in_turns(
        "commands", RUNS_PER_REPEAT * plan.repeats, *(partial(_repeat, side) for side in sides)
    )
    for (name, (_, seconds)), found in zip(timed.items(), series, strict=True):
        yield Stage(
            name,
            f"{len(found.runs)} runs",
            found.seconds,
            found.peak_memory_bytes,
            goal=Goal(seconds=seconds),
            notes=(found.facts, *compiling),
            limit="python -c pass",
            limit_s=floor.seconds,
        )


def _repeat(command: list[str], repeat: int) -> Measured:
    return run(command)
