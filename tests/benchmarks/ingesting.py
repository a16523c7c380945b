"""`catalog ingest` into a fresh home, against DuckDB and `datasets` reading the same files."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event, Thread
from time import monotonic

import catalog
from catalog.cli.output import count

from .material import Plan
from .measure import CommandFailed, Measured, catalog_command, in_turns, program, run
from .result import Fact, Goal, Stage

GOAL = Goal(ratio=2.5, memory_bytes=2_000_000_000)
POLL_SECONDS = 0.005


def measure(plan: Plan) -> Iterator[Stage]:
    """Measure it; of what each side wrote only our last home is kept, for other stages."""
    files = plan.inputs(plan.rows)
    size_bytes = sum(len(file.read_bytes()) for file in files)  # and they are in the page cache
    folder = plan.room("ingest")
    locks: list[float] = []

    def ours(repeat: int) -> Measured:
        shutil.rmtree(folder / "home", ignore_errors=True)
        found, longest = ingest(folder / "home", files)
        locks.append(longest)
        return found

    def peer(repeat: int) -> Measured:
        database = folder / f"peer-{repeat}.duckdb"
        found = run(program("read_json", database, *files))
        database.unlink()
        return found

    def limit(repeat: int) -> Measured:
        return run(program("read_bytes", *files))

    our, their, physical = in_turns("ingest", plan.repeats, ours, peer, limit)
    rows = int(our.runs[0].said["counts"]["read"])
    size = f"{count(rows, 'row')} in {count(len(files), 'file')}, {size_bytes / 1e6:,.1f} MB"
    check_rows(rows, "DuckDB", their.runs[0])
    quarter, _ = ingest(folder / "quarter", plan.inputs(plan.quarter))
    shutil.rmtree(folder / "quarter")
    yield Stage(
        "ingest",
        size,
        our.seconds,
        our.peak_memory_bytes,
        "duckdb read_json",
        their.seconds,
        GOAL,
        (
            "whole commands, interpreter and imports included on both sides; we also check, hash, "
            "deduplicate and compress",
            "limit: read the files and hash their bytes with SHA-256, on every core",
            f"ours: {our.facts}",
            f"duckdb: {their.facts}",
        ),
        limit="read, sha256",
        limit_s=physical.seconds,
        quarter_s=quarter.seconds,
        facts=(
            Fact("longest write lock, s", max(locks), most=2),
            Fact("file over zstd Parquet", size_ratio(folder), most=2.5),
        ),
    )
    hub = run(program("load_dataset", folder / "cache", *files), {"HF_HUB_OFFLINE": "1"})
    check_rows(rows, "datasets", hub)
    yield Stage(
        "ingest, datasets",
        size,
        our.seconds,
        our.peak_memory_bytes,
        "load_dataset",
        hub.seconds,
        notes=(f"datasets: {hub.seconds:.2f} s, {hub.cpu_seconds:.2f} s of processor time",),
    )
    shutil.rmtree(folder / "cache")
    kept = plan.folder / f"home-{plan.rows}"
    if not kept.exists():
        (folder / "home").rename(kept)


def ingest(home: Path, files: Sequence[Path]) -> tuple[Measured, float]:
    """Ingest into a new home; the second value is the seconds of the longest write lock."""
    run(catalog_command("--home", home, "init"))
    with WriteLocks(home) as watch:
        found = run(catalog_command("--home", home, "ingest", *files, "--json"))
    return found, watch.longest_seconds


def check_rows(rows: int, name: str, other: Measured) -> None:
    """Check that both sides read as much.

    Raises:
        CommandFailed: they did not.
    """
    if rows != other.said["rows"]:
        raise CommandFailed(f"we read {rows:,} rows, {name} {other.said['rows']:,} from the same")


def size_ratio(folder: Path) -> float:
    """Return the size of a home's database over that of its text alone as zstd Parquet."""
    database, parquet = folder / "home" / "catalog.duckdb", folder / "text.parquet"
    said = run(program("text_parquet", database, parquet)).said
    parquet.unlink()
    return database.stat().st_size / int(said["bytes"])


class WriteLocks:
    """Looks again and again whether somebody writes to a home, as one who wants to read would."""

    def __init__(self, home: Path) -> None:
        self.longest_seconds = 0.0
        self._lock = catalog.open(home).home.lock("room")
        self._ended = Event()
        self._thread = Thread(target=self._look, daemon=True)

    def __enter__(self) -> "WriteLocks":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        free_at = monotonic()
        while not self._ended.wait(POLL_SECONDS):
            if self._lock.is_free():
                free_at = monotonic()
            self.longest_seconds = max(self.longest_seconds, monotonic() - free_at)
