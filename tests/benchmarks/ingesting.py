"""`catalog ingest` into a fresh home, against DuckDB reading the same files into a table."""

from collections.abc import Iterator

from catalog.cli.output import count

from .material import Plan
from .measure import CommandFailed, Measured, catalog_command, in_turns, program, run
from .result import Goal, Stage

GOAL = Goal(ratio=2.5, memory_bytes=2_000_000_000)


def measure(plan: Plan) -> Iterator[Stage]:
    """Measure it; what each side wrote is removed before the other begins."""
    files = plan.inputs(plan.rows)
    size_bytes = sum(len(file.read_bytes()) for file in files)  # and they are in the page cache
    folder = plan.room("ingest")

    def ours(repeat: int) -> Measured:
        home = folder / f"home-{repeat}"
        run(catalog_command("--home", home, "init"))
        return run(catalog_command("--home", home, "ingest", *files, "--json"))

    def peer(repeat: int) -> Measured:
        database = folder / f"peer-{repeat}.duckdb"
        found = run(program("read_json", database, *files))
        database.unlink()
        return found

    our, their = in_turns("ingest", plan.repeats, ours, peer)
    read, rows = int(our.runs[0].said["counts"]["read"]), int(their.said("rows")[0])
    if read != rows:
        raise CommandFailed(f"we read {read:,} rows, DuckDB read {rows:,} from the same files")
    yield Stage(
        "ingest",
        f"{count(rows, 'row')} in {count(len(files), 'file')}, {size_bytes / 1e6:,.1f} MB",
        our.seconds,
        our.peak_memory_bytes,
        "duckdb read_json",
        their.seconds,
        GOAL,
        (
            "whole commands, interpreter and imports included on both sides; we also check, hash, "
            "deduplicate and compress",
            f"ours: {our.facts}",
            f"duckdb: {their.facts}",
        ),
    )
