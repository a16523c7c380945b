"""`catalog runs import` of many ledgers at once, and what audits of them take.

The ledgers are made: shuffled epochs over parts of a pool. BENCH=full makes 100 million exposures
over 6 million samples, which takes 12 GB of disk and some minutes; else it is a twentieth of that.
Rows per second, bytes per exposure and memory have their goals, audits too.
"""

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from threading import Event, Thread
from time import perf_counter

import catalog
from catalog.home import Home
from catalog.store import Store

from .material import Plan
from .measure import Measured, catalog_command, program, run
from .result import Fact, Goal, Stage

FULL = {"samples": 6_000_000, "runs": 40, "exposures": 100_000_000}
USUAL = {"samples": 400_000, "runs": 10, "exposures": 5_000_000}
SMALL = 100_000
"""Of fewer rows than this, ledgers are made for as many as there are."""

ROWS_PER_SECOND = 1_000_000
MOST_MEMORY_BYTES = 4_000_000_000
MOST_BYTES_EACH = 12.0
AUDIT_SECONDS = {"sample": 0.2, "source": 2.0, "run": 2.0}
ASKING_SECONDS = 0.2


def measure(plan: Plan) -> Iterator[Stage]:
    """Measure it once: what is imported a second time is known already."""
    size = FULL if plan.full else USUAL
    if plan.rows < SMALL:
        size = {"samples": plan.rows, "runs": 4, "exposures": 4 * plan.rows}
    home = plan.room("ledger") / "home"
    made = run(program("ledgers", home, *map(str, size.values()))).said
    exposures = int(made["exposures"])
    told = f"{exposures:,} exposures of {size['runs']} runs, {size['samples']:,} samples"
    before = (home / "catalog.duckdb").stat().st_size
    with Waiting(catalog.open(home).home) as waiting:
        taken = run(catalog_command("--home", home, "runs", "import", "--json"))
    again = run(catalog_command("--home", home, "runs", "import", "--json"))
    each = ((home / "catalog.duckdb").stat().st_size - before) / exposures
    yield Stage(
        "runs import",
        told,
        taken.seconds,
        taken.peak_memory_bytes,
        goal=Goal(
            seconds=exposures / ROWS_PER_SECOND,
            memory_bytes=MOST_MEMORY_BYTES,
        ),
        notes=(
            f"{exposures / taken.seconds:,.0f} exposures a second of the whole command, "
            f"{taken.cpu_seconds:.0f} s of processor time",
            f"{each:.2f} bytes an exposure in the database, all tables that the import fills; "
            f"{made['ledger_bytes'] / exposures:.1f} in the ledger",
            f"a reader that looked every {ASKING_SECONDS} s waited {waiting.longest:.2f} s at most",
            f"imported again, with nothing new: {again.seconds:.1f} s",
        ),
        facts=(Fact("bytes each", each, most=MOST_BYTES_EACH),),
    )
    yield from _audits(plan, home, {name: str(made[name]) for name in AUDIT_SECONDS}, told)


def _audits(plan: Plan, home: Path, asked: dict[str, str], told: str) -> Iterator[Stage]:
    inside = run(program("audits", home, *asked.values())).said
    for name, reference in asked.items():
        command = catalog_command("--home", home, "audit", name, reference, "--json")
        whole: list[Measured] = [run(command) for _ in range(plan.repeats)]
        yield Stage(
            f"audit {name}",
            told,
            float(inside[name]),
            max((found.peak_memory_bytes or 0 for found in whole), default=None),
            goal=Goal(seconds=AUDIT_SECONDS[name]),
            notes=(
                "the verb in Python, opening the home included; the whole command, interpreter "
                f"and imports included: {median(found.seconds for found in whole):.2f} s",
            ),
        )


class Waiting:
    """Reads a home again and again while the block runs, and keeps the longest wait for it."""

    def __init__(self, home: Home) -> None:
        self.longest = 0.0
        self._home = home
        self._ended = Event()
        self._thread = Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Waiting":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(ASKING_SECONDS):
            began = perf_counter()
            with Store(self._home).read() as reader:
                reader.clock()
            self.longest = max(self.longest, perf_counter() - began)
