"""Files that were left behind, or are damaged: staging, caches, what was cut short."""

import os
import shlex
from pathlib import Path

import pyarrow as pa

from catalog.checking.fault import Fault, Faults
from catalog.home import Home
from catalog.jobs import is_alive
from catalog.purging.rewriting import fresh_path, wal
from catalog.sql import load
from catalog.store import Store


def stale_staging(home: Home) -> Faults:
    """Give the folders that killed jobs left in staging."""
    stale = []
    for folder in sorted(home.staging.glob("job-*-*")):
        number = folder.name.split("-")[1]
        if number.isdecimal() and not is_alive(home, int(number)):
            stale.append(folder)
    if stale:
        yield Fault.of(
            "staging",
            "folders of jobs that were killed",
            f"run the same command again, or remove them: rm -r {shlex.join(map(str, stale[:5]))}",
            stale,
        )


def unfinished_purge(home: Home) -> Faults:
    """Give a purge that was cut short."""
    with Store(home).read() as reader:
        rows = reader.rows(
            "select job_id from job where kind = 'purge' and status != 'finished' order by job_id"
        )
    left = [path for path in (fresh_path(home), wal(fresh_path(home))) if path.exists()]
    dead = [row["job_id"] for row in rows if not is_alive(home, row["job_id"])]
    if dead or (left and not rows):
        yield Fault.of(
            "purge",
            "a purge was cut short: text or vectors may still be in old files",
            "catalog purge --yes",
            [*(f"job {job_id}" for job_id in dead), *left],
        )


def damaged_caches(home: Home) -> Faults:
    """Give cached snapshots that cannot be read, or hold another number of members."""
    with Store(home).read() as reader:
        sizes = {row["digest"]: row["size"] for row in reader.rows(load("show/frozen"))}
    damaged: list[str] = []
    left: list[Path] = []
    for path in sorted(home.cache.iterdir()) if home.cache.is_dir() else []:
        if path.name.startswith("."):
            if not _is_being_written(path):
                left.append(path)
        elif path.suffix == ".arrow" and (problem := _problem(path, sizes.get(path.stem))):
            damaged.append(f"{path}: {problem}")
    mend = "remove them; they are made again when they are needed: rm "
    if damaged:
        names = shlex.join(line.split(": ")[0] for line in damaged[:5])
        yield Fault.of("cache", "damaged caches of snapshots", mend + names, damaged)
    if left:
        names = shlex.join(map(str, left[:5]))
        yield Fault.of("cache", "caches that were cut short", mend + names, left)


def _is_being_written(path: Path) -> bool:
    """Tell whether the process that a hidden file is named for is there."""
    number = path.name.rsplit(".", 1)[-1]
    return number.isdecimal() and os.path.exists(f"/proc/{number}")


def _problem(path: Path, size: int | None) -> str | None:
    try:
        with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as reader:
            rows = 0
            for number in range(reader.num_record_batches):
                batch = reader.get_batch(number)
                batch.validate(full=True)
                rows += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        return str(error).splitlines()[0]
    if size is not None and rows != size:
        return f"{rows:,} members of {size:,}"
    return None
