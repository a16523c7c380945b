"""What people wait for while they look around: listings, SQL over the pool, nearest samples."""

import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter

import catalog
from catalog import Catalog
from catalog.spaces import the_space
from catalog.store import Store

from .material import Plan
from .measure import Measured, catalog_command, in_turns, program, run
from .result import Fact, Goal, Stage
from .stock import SPACE, WIDTH, stocked

RESIDENT_ROWS = 400_000
"""A session keeps this many vectors in memory with room to spare: they are to be found at once."""

READ_BYTES = 1 << 23
ASKED = 9
"""Questions to an open session, whose median is told."""

MEMBERS_SHARE = 2.5 / 5.8
STATEMENTS = {
    "group by source": (
        "select source, count(*) from pool group by source",
        "select o.name, count(*) from sample join source as o using (source_id) group by o.name",
    ),
    "filter": (
        "select count(*) from pool where characters > 1000",
        "select count(*) from sample where characters > 1000",
    ),
    "join to a snapshot": (
        "select p.source, count(*) from pool as p join member as m using (sample_id) "
        "where m.snapshot = 'big@1' group by p.source",
        "select o.name, count(*) from sample as s join source as o using (source_id) "
        "join snapshot_member as m using (sample_id) where m.snapshot_id = 1 group by o.name",
    ),
}
"""What a user asks, and the like of it on the bare tables, where neither samples that are retired
nor those of several sources are looked for."""


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
    listings = {name: ((name,), 2.0) for name in ("status", "spaces", "jobs")}
    listings |= {"show": (("show", "big"), 0.5), "snapshots": (("snapshots",), 0.5)}
    for name, (arguments, seconds) in listings.items():
        [found] = in_turns(name, plan.repeats, partial(_command, home, arguments))
        yield Stage(
            f"catalog {name}",
            size,
            found.seconds,
            found.peak_memory_bytes,
            goal=Goal(seconds=seconds),
            notes=(found.facts,),
        )
    for name, (text, bare) in STATEMENTS.items():
        ours, raw = in_turns(
            name, plan.repeats, partial(_command, home, ("sql", text)), partial(_raw, home, bare)
        )
        yield Stage(
            f"sql: {name}",
            size,
            ours.seconds,
            ours.peak_memory_bytes,
            "duckdb alone",
            raw.seconds,
            Goal(seconds=1),
            (f"whole commands; ours {ours.facts}; duckdb {raw.facts}",),
        )


def _command(home: Path, arguments: Sequence[str], repeat: int) -> Measured:
    return run(catalog_command("--home", home, *arguments))


def _raw(home: Path, statement: str, repeat: int) -> Measured:
    return run(program("raw_sql", home / "catalog.duckdb", statement))


def _session(home: Path, count: int) -> Iterator[Stage]:
    cat = catalog.open(home)
    size = f"{count:,} vectors of {WIDTH}, float16"
    yield _from_disk(cat, size)
    enough = count >= 1_000  # below, there is nothing to learn an index from
    if enough and not cat.indexes():
        built = run(catalog_command("--home", home, "index", "build", "--json"))
        yield Stage("index build", size, built.seconds, built.peak_memory_bytes)
    found = run(program("session", home, str(ASKED)))
    lance = run(program("lance_search", cat.home.vectors, _table(cat), str(ASKED))).said
    yield Stage(
        "nearest in a session",
        size,
        float(found.said["nearest"]),
        found.peak_memory_bytes,
        "lancedb exact",
        float(lance["again"]),
        Goal(seconds=0.1) if count <= RESIDENT_ROWS else Goal(seconds=8),
        (
            f"exact, asked by vector; the first time {found.said['nearest first']:.2f} s, "
            f"lancedb {lance['first']:.2f} s",
        ),
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


def _from_disk(cat: Catalog, size: str) -> Stage:
    """Search once as a command, when the system holds nothing of the vectors in memory."""
    data = cat.home.vectors / f"{_table(cat)}.lance" / "data"
    files = sorted(data.glob("*.lance"))
    [first] = cat.sql("select hash from pool order by sample_id limit 1").to_pylist()
    _forget(files)
    began = perf_counter()
    for file in files:
        with file.open("rb", buffering=0) as source:
            while source.read(READ_BYTES):
                pass
    reading = perf_counter() - began
    _forget(files)
    command = catalog_command("--home", cat.home.path, "search", "--like", first["hash"])
    found = run(command)
    return Stage(
        "catalog search, from disk",
        size,
        found.seconds,
        found.peak_memory_bytes,
        goal=Goal(seconds=8),
        limit="raw reading from disk",
        limit_s=reading,
        notes=("exact, the whole command, after the system forgot the vectors' files",),
    )


def _forget(files: Sequence[Path]) -> None:
    for file in files:
        handle = os.open(file, os.O_RDONLY)
        os.fsync(handle)  # what is not written yet cannot be forgotten
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


def _table(cat: Catalog) -> str:
    with Store(cat.home).read() as reader:
        return the_space(reader, SPACE).space.table_name
