"""What is written lies aside until it is whole; then it takes its place, or nothing changes."""

import filecmp
import os
import shutil
from collections.abc import Set
from pathlib import Path

from catalog.errors import OutputExists

DATA = (".jsonl", ".parquet")


def require_file(path: Path) -> None:
    """Check that a file may be written here: overwriting is no way to delete a folder.

    Raises:
        OutputExists: what is at the path is no file.
    """
    _require(path, path.is_file(), "a file")


def require_data_set(path: Path) -> None:
    """Check that a saved data set may be written here.

    Raises:
        OutputExists: what is at the path is no data set's folder, and not empty.
    """
    empty = path.is_dir() and not any(path.iterdir())
    fits = empty or (path / "state.json").is_file()
    _require(path, path.is_dir() and fits, "a data set's folder")


def require_folder(path: Path) -> None:
    """Check that files may be put into a folder here.

    Raises:
        OutputExists: what is at the path is no folder.
    """
    _require(path, path.is_dir(), "a folder")


def _require(path: Path, fits: bool, kind: str) -> None:
    if path.exists() and not fits:
        raise OutputExists(
            f"{path} exists and is not {kind}, so it is not replaced",
            hint="Name another --output, or move it away yourself.",
        )


def beside(path: Path, *, inside: bool = False) -> Path:
    """Return where to write what will be at a path: on the same disk, under a hidden name.

    Args:
        path: where it will be; the folder above it is made.
        inside: it is files for the folder at the path, which may be a disk of its own.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    found = path if inside and path.is_dir() else path.parent
    aside = found / f".{path.name}.{os.getpid()}.partial"
    remove(aside)
    return aside


def place(aside: Path, path: Path, *, overwrite: bool) -> bool:
    """Put a file, or a data set's folder, in place if it differs from what is there.

    Returns:
        Whether it did; if not, the same was there already.

    Raises:
        OutputExists: other content is there, and is not to be replaced.
    """
    if _same(path, aside):
        return False
    if path.exists():
        if not overwrite:
            raise _other(path)
        if path.is_dir() or aside.is_dir():
            # A folder cannot be renamed onto another: the old one steps aside first.
            old = path.with_name(f".{path.name}.{os.getpid()}.old")
            path.rename(old)
            aside.rename(path)
            remove(old)
            return True
    aside.replace(path)
    return True


def place_into(aside: Path, folder: Path, *, overwrite: bool, merged: Set[str]) -> bool:
    """Put files into a folder, each whole, the data before what tells of it.

    Args:
        aside: the folder that they were written to.
        folder: where they go; other files there stay.
        overwrite: whether files of other content may be replaced.
        merged: names of files that may be replaced in any case.

    Returns:
        Whether any differed from what was there.

    Raises:
        OutputExists: a file of other content is there; nothing is changed.
    """
    files = [file for file in aside.rglob("*") if file.is_file()]
    files.sort(key=lambda file: (file.suffix not in DATA, file))
    places = {file: folder / file.relative_to(aside) for file in files}
    new = {file: path for file, path in places.items() if not _same(path, file)}
    for path in new.values():
        require_file(path)
        if path.exists() and not overwrite and path.name not in merged:
            raise _other(path)
    for file, path in new.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        file.replace(path)
    return bool(new)


def _other(path: Path) -> OutputExists:
    return OutputExists(
        f"{path} exists and holds other content",
        hint="Use --overwrite to replace it, or another --output.",
    )


def _same(old: Path, new: Path) -> bool:
    """Tell whether two files, or two data sets' tables, hold the same bytes."""
    if old.is_dir() and new.is_dir():
        tables = sorted(file.name for file in new.glob("*.arrow"))
        if sorted(file.name for file in old.glob("*.arrow")) != tables:
            return False
        return all(_same(old / name, new / name) for name in tables)
    return old.is_file() and new.is_file() and filecmp.cmp(old, new, shallow=False)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
