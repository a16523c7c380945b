"""Files of a home that can hold text beside the database: removed, or named."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from catalog.home import SETTINGS, Home
from catalog.purging.rewriting import fresh_path, wal
from catalog.sql import load
from catalog.store import Reader

OURS = {SETTINGS, "vectors", "ledger", "queries", "staging", "cache", "locks"}
READ_BYTES = 1 << 20
"""Of files that others put here, so much is looked through; they are named in any case."""


def removable(home: Home, reader: Reader) -> list[Path]:
    """Return what may hold purged text and can be made again, or was of use once only.

    Staging of jobs that ended, caches of snapshots with purged members (all that belongs to no
    other snapshot), copies that an upgrade made of the database, and what was cut short.
    """
    kept = {row["digest"] for row in reader.rows(load("purge/caches"))}
    found = sorted(home.staging.glob("*")) if home.staging.is_dir() else []
    if home.cache.is_dir():
        found += [
            path
            for path in sorted(home.cache.iterdir())
            if path.name.removeprefix(".").split(".")[0] not in kept
        ]
    found += sorted(home.path.glob("catalog.*.before-*.duckdb*"))
    found += sorted(home.path.glob("catalog.*.before-*.partial*"))
    found += [home.path / "catalog.duckdb.tmp", wal(fresh_path(home)), fresh_path(home)]
    return [path for path in found if path.exists()]


def remove(paths: list[Path]) -> None:
    """Remove files and folders."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def foreign(home: Home) -> Iterator[Path]:
    """Give what others put into the home's folder, at its top."""
    mine = {*OURS, home.database.name, wal(home.database).name}
    gone = ("catalog.", ".catalog.rewritten")
    for path in sorted(home.path.iterdir()):
        if path.name not in mine and not path.name.startswith(gone):
            yield path


def written_by_users(home: Home) -> Iterator[tuple[Path, str]]:
    """Give the statements and the runs' manifests that lie in the home, with their text."""
    for pattern in ("queries/**/*", "ledger/*/*.json"):
        for path in sorted(home.path.glob(pattern)):
            if path.is_file():
                with path.open("rb") as file:
                    yield path, file.read(READ_BYTES).decode(errors="replace")
