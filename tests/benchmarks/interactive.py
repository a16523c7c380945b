"""What people wait for while they look around: listings, SQL over the pool, nearest samples."""

from collections.abc import Iterator
from pathlib import Path

import catalog

from .material import Plan
from .measure import catalog_command, program, run
from .result import Fact, Goal, Stage
from .stock import WIDTH, stocked

RESIDENT_ROWS = 400_000
"""A session keeps this many vectors in memory with room to spare: they are to be found at once."""

ASKED = 9
"""Questions to an open session, whose median is told."""

MEMBERS_SHARE = 2.5 / 5.8
STATEMENTS = {
    "group by source": "select source, count(*) from pool group by source",
    "filter": "select count(*) from pool where characters > 1000",
    "join to a snapshot": "select p.source, count(*) from pool as p join member as m using "
    "(sample_id) where m.snapshot = 'big@1' group by p.source",
}


def measure(plan: Plan) -> Iterator[Stage]:
    """Measure in a home with a snapshot of nearly half of the pool, and an index."""
    home = stocked(plan, plan.rows)
    cat = catalog.open(home)
    count = int(cat.sql("select count(*) as samples from sample").to_pylist()[0]["samples"])
    size = f"{count:,} samples"
    if not any(row["name"] == "big" for row in cat.snapshots()):
        members = str(max(int(count * MEMBERS_SHARE), 1))
        options = ("--method", "random", "--size", members)
        run(catalog_command("--home", home, "select", "big", *options))
    yield from _commands(plan, home, size)
    yield from _session(home, count)


def _commands(plan: Plan, home: Path, size: str) -> Iterator[Stage]:
    asked = {f"catalog {name}": ((name,), 2.0) for name in ("status", "spaces", "jobs")}
    asked["catalog show"] = (("show", "big"), 0.5)
    asked |= {f"sql: {name}": (("sql", text), 1.0) for name, text in STATEMENTS.items()}
    for name, (arguments, seconds) in asked.items():
        found = [run(catalog_command("--home", home, *arguments)) for _ in range(plan.repeats)]
        best = sorted(found, key=lambda one: one.seconds)[len(found) // 2]
        yield Stage(
            name,
            size,
            best.seconds,
            max((one.peak_memory_bytes or 0 for one in found), default=None),
            goal=Goal(seconds=seconds),
            notes=(f"the whole command; {best.cpu_seconds:.2f} s of processor time",),
        )


def _session(home: Path, count: int) -> Iterator[Stage]:
    cat = catalog.open(home)
    size = f"{count:,} vectors of {WIDTH}, float16"
    enough = count >= 1_000  # below, there is nothing to learn an index from
    if enough and not cat.indexes():
        built = run(catalog_command("--home", home, "index", "build", "--json"))
        yield Stage("index build", size, built.seconds, built.peak_memory_bytes)
    found = run(program("session", home, str(ASKED)))
    yield Stage(
        "nearest in a session",
        size,
        float(found.said["nearest"]),
        found.peak_memory_bytes,
        goal=Goal(seconds=0.1) if count <= RESIDENT_ROWS else Goal(seconds=8),
        notes=(f"exact, asked by vector; the first time {found.said['nearest first']:.2f} s",),
    )
    if enough:
        [index] = cat.indexes()
        yield Stage(
            "nearest by the index",
            size,
            float(found.said["index"]),
            goal=Goal(seconds=0.05),
            notes=(f"kind {index.kind}, {dict(index.parameters)}",),
            facts=(Fact(f"recall@{index.recall_at}", index.recall or 0.0, least=0.95),),
        )
