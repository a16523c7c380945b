"""Files of a ledger: whole or not there, on a disk or in an object store."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
from pyarrow import fs

from catalog.errors import UnreadableInput

OBJECT_STORES = {"s3", "gcs", "abfs"}
"""Where a file appears whole when it is closed, folders are mere names, and renaming is a copy."""


class Files:
    """The files of one folder, which need not exist before one is written.

    Args:
        place: a catalog's home, which stands for its ledger folder, or any folder or URI.
        name: a folder in it.

    Raises:
        UnreadableInput: no file system is known for the URI.
    """

    def __init__(self, place: str | Path, name: str) -> None:
        if "://" in str(place):
            with mapped(f"{place} is no place for a ledger"):
                self._files, path = fs.FileSystem.from_uri(_whole(str(place)))
        else:
            self._files, path = fs.LocalFileSystem(), str(Path(place).expanduser().absolute())
        self._local = self._files.type_name == "local"
        self._store = self._files.type_name in OBJECT_STORES
        if self._local and os.path.isfile(f"{path}/catalog.toml"):
            path += "/ledger"
        self.path = f"{path.rstrip('/')}/{name}"

    def create(self) -> None:
        """Make the folder, if it is none yet.

        Raises:
            OSError: it cannot be made.
        """
        if not self._store:
            self._files.create_dir(self.path, recursive=True)

    def names(self) -> list[str]:
        """Return the names of all whole files, sorted; none if there is no folder yet.

        Raises:
            UnreadableInput: the folder is out of reach.
        """
        with mapped(f"{self.path} cannot be read"):
            if self._local:  # a long run has many, which need not be looked at
                found = os.listdir(self.path) if os.path.isdir(self.path) else []
            else:
                listed = fs.FileSelector(self.path, allow_not_found=True)
                found = [info.base_name for info in self._files.get_file_info(listed)]
        return sorted(name for name in found if not name.startswith("."))

    def exists(self, name: str) -> bool:
        """Tell whether there is a file of this name.

        Raises:
            UnreadableInput: the folder is out of reach.
        """
        with mapped(f"{self.path} cannot be read"):
            [info] = self._files.get_file_info([f"{self.path}/{name}"])
        return bool(info.type == fs.FileType.File)

    def read(self, name: str) -> bytes:
        """Return what a file holds.

        Raises:
            UnreadableInput: it is missing, or out of reach.
        """
        path = f"{self.path}/{name}"
        with mapped(f"{path} cannot be read"), self._files.open_input_stream(path) as stream:
            return bytes(stream.read())

    def read_json(self, name: str) -> dict[str, Any]:
        """Return the object that a JSON file holds.

        Raises:
            UnreadableInput: it is missing, out of reach or damaged.
        """
        try:
            return {**json.loads(self.read(name))}
        except (ValueError, TypeError, RecursionError) as error:
            raise UnreadableInput(
                f"{self.path}/{name} is damaged: {error}",
                hint="Put it back from a copy, or log under another name.",
            ) from error

    def put(self, name: str, content: bytes, *, exclusive: bool = False) -> bool:
        """Write a file so that it is whole or not there, even if the machine stops.

        Args:
            name: the file's.
            content: its bytes.
            exclusive: leave one that is there alone, and return False. An object store cannot
                promise that: of two that come at the same moment, the later one stays.

        Raises:
            OSError: there is no room, or the folder is out of reach; nothing is left behind.
        """
        path = f"{self.path}/{name}"
        if exclusive and self.exists(name):
            return False
        if self._local:
            return _put(Path(path), content, exclusive)
        aside = path if self._store else f"{self.path}/.{name}.{uuid4().hex}"
        with self._files.open_output_stream(aside) as stream:
            stream.write(content)
        if aside != path:
            self._files.move(aside, path)
        return True

    def remove_partial(self, pattern: str) -> None:
        """Remove what processes that were killed have left half-written on a disk.

        Args:
            pattern: of the names. To take one from a process that lives only costs it a retry.
        """
        if self._local:
            for path in Path(self.path).glob(f".{pattern}"):
                path.unlink(missing_ok=True)


def _whole(uri: str) -> str:
    """Return an address at which a small file is one request, not an upload in parts."""
    if not uri.startswith("s3://") or "allow_delayed_open" in uri:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}allow_delayed_open=true"


def _put(path: Path, content: bytes, exclusive: bool) -> bool:
    # Two machines may have one process id: a random name is nobody else's.
    aside = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if exclusive:
            _link(aside, path)
        else:
            aside.replace(path)
    except FileExistsError:
        return False
    finally:
        aside.unlink(missing_ok=True)
    # Else a power cut may take the name back. Some network folders cannot, and need not.
    with suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    return True


def _link(aside: Path, path: Path) -> None:
    try:
        os.link(aside, path)
    except FileExistsError:
        raise
    except OSError:  # a mounted bucket, say, has no links
        aside.replace(path)


@contextmanager
def mapped(what: str) -> Iterator[None]:
    """Say what failed where a file system raises."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise UnreadableInput(
            f"{what}: {error}",
            hint="A ledger lies in a folder, or at a URI that pyarrow can write: s3://bucket/path.",
        ) from error
