"""Copies of a whole home, and back."""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from catalog.errors import InvalidInput, OutputExists, StoreError
from catalog.home import Home
from catalog.jobs import job
from catalog.migrate import current
from catalog.store import Store

LEFT_OUT = shutil.ignore_patterns("locks", "staging", "cache", "*.before-*.duckdb")
"""What a home can do without; only at its top, since a run may be called `cache`."""

UNFINISHED = shutil.ignore_patterns(".*")
"""Files that are still being written have such names, and are gone when they are whole."""

VERSIONS = "_versions"
"""Where Lance keeps what each version of a table is made of."""


@dataclass(frozen=True)
class BackupReport:
    """A copy that was made: where, its schema revision, and its size."""

    path: Path
    revision: str
    size_bytes: int


def backup(home: Home, folder: str | Path) -> BackupReport:
    """Copy a home whole into a new folder; writers wait meanwhile, readers do not.

    The copy is a home itself: it can be read with `--home`, or brought back with `restore`.

    Raises:
        OutputExists: the folder exists and is not empty.
    """
    made = _copy(home, Path(folder).expanduser().absolute())
    # Kept, so that a purge can name the copies that still hold what it destroys here.
    with (
        job(home, "backup", {"folder": str(made.path)}, uuid4().hex) as running,
        Store(home).write("backup", job_id=running.job_id) as transaction,
    ):
        running.finish(transaction)
    return made


def restore(folder: str | Path, target: str | Path) -> BackupReport:
    """Make a home out of a backup.

    Raises:
        OutputExists: there is something at the target.
    """
    return _copy(Home.at(folder), Path(target).expanduser().absolute())


def _copy(home: Home, target: Path) -> BackupReport:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise OutputExists(
            f"{target} exists and is not empty", hint="Move it away, or name another folder."
        )
    if target.is_relative_to(home.path):
        raise InvalidInput(
            f"{target} lies inside the home it is to copy", hint="Name a folder elsewhere."
        )
    try:
        return _copy_aside(home, target, target.with_name(f".{target.name}.partial"))
    except OSError as error:
        raise StoreError(
            f"cannot copy {home.path} to {target}: {error}",
            hint="Is there room, and may you write there? If the home was in use, try again.",
        ) from error


def _copy_aside(home: Home, target: Path, aside: Path) -> BackupReport:
    """Copy, and put the copy in place when it is whole."""
    if aside.exists():
        shutil.rmtree(aside)
    needed = size_bytes(home.path)
    target.parent.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(target.parent).free < needed:
        raise StoreError(
            f"{needed / 1e9:.1f} GB are needed at {target.parent}, less is free",
            hint="Name a folder on another disk.",
        )
    revision = current(home)
    with home.turnstile.reading():
        # Vectors may be added meanwhile. Their data is written before the version that names it:
        # copied the other way round, no version in the copy names what is not there.
        for versions in home.vectors.glob(f"*/{VERSIONS}"):
            shutil.copytree(versions, aside / versions.relative_to(home.path), ignore=UNFINISHED)
        shutil.copytree(home.path, aside, ignore=_left_out(home), dirs_exist_ok=True)
    if target.exists():
        target.rmdir()
    aside.rename(target)
    return BackupReport(target, revision, size_bytes(target))


def _left_out(home: Home) -> Callable[[str, list[str]], set[str]]:
    def names(folder: str, found: list[str]) -> set[str]:
        unfinished = {name for name in found if name.startswith(".") or name == VERSIONS}
        return unfinished | (LEFT_OUT(folder, found) if Path(folder) == home.path else set())

    return names


def size_bytes(folder: Path) -> int:
    """Return how much the files below a folder hold; those that vanish meanwhile hold nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += os.lstat(os.path.join(place, name)).st_size
    return total
