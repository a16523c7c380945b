"""Scores of queries against a whole space: against faiss, and what products and reading take."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import catalog
from catalog.vectors import Vectors

from .material import Plan
from .measure import program, run, spread
from .report import cores
from .result import Fact, Goal, Stage
from .stock import CHUNK_ROWS, TASKS, embedded, made_space, made_vectors

SELECTED = 10_000
MOST_BYTES = 1_000_000_000
GOAL = Goal(ratio=1.0, limit=1.15)
WIDTH = 384
FEW_QUERIES = 100
ALL = tuple(TASKS.values())


@dataclass(frozen=True)
class Case:
    """What to score.

    Attributes:
        width: numbers per vector.
        stored: their dtype.
        sizes: how many queries each task has.
        top: whether each query's best samples are kept, rather than each task's score of each.
    """

    width: int
    stored: str
    sizes: tuple[int, ...]
    top: bool = False

    def rows(self, plan: Plan) -> int:
        """Return how many samples: fewer of wider ones and for many queries, which take longer."""
        if plan.full:
            return plan.rows
        share = 1 if sum(self.sizes) <= FEW_QUERIES else 3
        return max(plan.rows * WIDTH // (share * self.width), 2000)


CASES = (
    Case(384, "float16", (8,)),
    Case(384, "float16", (100,)),
    Case(384, "float16", ALL),
    Case(384, "float16", (500,), top=True),
    Case(384, "float32", ALL),
    Case(1024, "float16", ALL),
    Case(4096, "float16", (8,)),
    Case(4096, "float16", ALL),
)


def measure(plan: Plan) -> Iterator[Stage]:
    """Measure every case; at the paper's size, those of the least width."""
    cases = [case for case in CASES if not plan.full or case.width == WIDTH]
    home, made = plan.folder / "scored", ""
    for case in cases:
        space = f"{case.width} {case.stored} {case.rows(plan)}"
        if space != made:
            shutil.rmtree(home, ignore_errors=True)
            _fill(home, case, case.rows(plan))
            made = space
        yield _stage(plan, home, case)
    shutil.rmtree(home)


def _fill(home: Path, case: Case, rows: int) -> None:
    """Make a home that holds vectors alone."""
    vectors = Vectors(catalog.init(home).home, made_space(case.width, case.stored), "sample")
    start = 1
    for block in made_vectors(rows, case.width, CHUNK_ROWS * WIDTH // case.width):
        vectors.append(embedded(range(start, start + len(block)), block))
        start += len(block)


def _stage(plan: Plan, home: Path, case: Case) -> Stage:
    queries, rows = sum(case.sizes), case.rows(plan)
    kind = str(min(-(-2 * SELECTED // queries), rows)) if case.top else "best"
    arguments = (str(case.width), case.stored, kind, str(plan.repeats), *map(str, case.sizes))
    said = run(program("similarity", home, *arguments)).said
    seconds = {name: median(found) for name, found in said["seconds"].items()}
    limit = max(seconds["product"], seconds["reading"])
    cold_limit = max(seconds["product"], seconds["cold reading"])
    what = f"{kind} per query" if case.top else "best per task"
    return Stage(
        f"score: {what}",
        f"{rows:,} x {case.width} {case.stored}, {queries} queries",
        seconds["ours"],
        said["peak"],
        "faiss IndexFlatIP",
        seconds["peer"],
        GOAL,
        (
            f"{cores()} threads each; ours reads from LanceDB's files, faiss has float32 in memory",
            f"ours {spread(said['seconds']['ours'])}, peer {spread(said['seconds']['peer'])}",
            f"products {seconds['product']:.3f} s in the best shape, reading "
            f"{seconds['reading']:.3f} s; after the system forgot the files: ours "
            f"{seconds['cold']:.3f} s, reading {seconds['cold reading']:.3f} s",
            "peak memory is of all sides together",
        ),
        "raw float32 products" if seconds["product"] == limit else "raw reading",
        limit,
        seconds["quarter"],
        (
            Fact("bytes beyond maxima", said["beyond"], most=MOST_BYTES),
            Fact("from disk, of limit", seconds["cold"] / cold_limit, most=1.15),
        ),
    )
