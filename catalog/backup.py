"""Copies of a whole home, and back."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import InvalidInput, OutputExists, StoreError
from catalog.home import Home
from catalog.migrate import current

LEFT_OUT = shutil.ignore_patterns("locks", "staging", "cache", "*.before-*.duckdb")


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
    return _copy(home, Path(folder).expanduser().absolute())


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
    aside = target.with_name(f".{target.name}.partial")
    shutil.rmtree(aside, ignore_errors=True)
    needed = size_bytes(home.path)
    target.parent.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(target.parent).free < needed:
        raise StoreError(f"{needed / 1e9:.1f} GB are needed at {target.parent}, less is free")
    revision = current(home)
    with home.turnstile.reading():
        shutil.copytree(home.path, aside, ignore=LEFT_OUT)
    if target.exists():
        target.rmdir()
    aside.rename(target)
    return BackupReport(target, revision, size_bytes(target))


def size_bytes(folder: Path) -> int:
    """Return how much the files below a folder hold."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
