"""Where ledgers are read from: folders on a disk or in an object store."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
from pyarrow import fs

from catalog.errors import InvalidInput, UnreadableInput
from catalog.ledger import MANIFEST, parse_manifest


class Listed(NamedTuple):
    """A file of a ledger, as its folder lists it."""

    name: str
    size_bytes: int


class LedgerFolder:
    """The folder of one run, or one that holds several, to read from.

    Args:
        files: the file system.
        path: the folder's path there.
    """

    def __init__(self, files: fs.FileSystem, path: str) -> None:
        self._files = files
        self.path = path.rstrip("/")

    @classmethod
    def at(cls, place: str | Path) -> "LedgerFolder":
        """Return the folder at a path, or at a URI that pyarrow can read (`s3://…`, `file://…`).

        Raises:
            UnreadableInput: the URI is none.
        """
        if "://" not in str(place):
            return cls(fs.LocalFileSystem(), str(Path(place).expanduser().absolute()))
        try:
            return cls(*fs.FileSystem.from_uri(str(place)))
        except (pa.ArrowException, OSError, ValueError) as error:
            raise UnreadableInput(
                f"{place} cannot be read: {error}", hint="Give a folder, or a URI such as s3://…"
            ) from error

    @property
    def name(self) -> str:
        """Its last part."""
        return self.path.rsplit("/", 1)[-1]

    def holds_run(self) -> bool:
        """Tell whether it is the folder of a run."""
        try:
            [info] = self._files.get_file_info([f"{self.path}/{MANIFEST}"])
        except (pa.ArrowException, OSError) as error:
            raise UnreadableInput(
                f"{self.path} cannot be read: {error}", hint="Check the address and your access."
            ) from error
        return bool(info.type == fs.FileType.File)

    def runs(self) -> Iterator["LedgerFolder"]:
        """Give the folders of runs in it, in order of name, also those without a manifest."""
        for info in self._list():
            below = LedgerFolder(self._files, info.path)
            if info.type == fs.FileType.Directory and (
                below.holds_run() or any(found.name.endswith(".arrow") for found in below.listed())
            ):
                yield below

    def listed(self) -> list[Listed]:
        """Return what lies in it, in order of name, but what writers have left half done."""
        return [
            Listed(info.base_name, info.size or 0)
            for info in self._list()
            if not info.base_name.startswith(".")
        ]

    def _list(self) -> list[fs.FileInfo]:
        chosen = fs.FileSelector(self.path, allow_not_found=True)
        return sorted(self._files.get_file_info(chosen), key=lambda info: str(info.base_name))

    def read(self, name: str) -> pa.Buffer:
        """Return the bytes of a file.

        Raises:
            OSError: it cannot be read.
        """
        with self._files.open_input_file(f"{self.path}/{name}") as file:
            return file.read_buffer()

    def manifest(self) -> dict[str, Any]:
        """Return what the run is, as its ledger says.

        Raises:
            InvalidInput: the manifest is missing or damaged.
        """
        path = f"{self.path}/{MANIFEST}"
        try:
            content = self.read(MANIFEST).to_pybytes()
        except OSError as error:
            raise UnreadableInput(
                f"{path} cannot be read: {error}", hint="Put it back from a copy."
            ) from error
        return parse_manifest(content, path)

    def json(self, name: str) -> dict[str, Any]:
        """Return what one of its JSON files says.

        Raises:
            InvalidInput: it is damaged.
        """
        try:
            found = json.loads(self.read(name).to_pybytes(), parse_constant=str)
            if not isinstance(found, dict):
                raise ValueError("it holds no object")
            text = json.dumps(found, ensure_ascii=False).encode(errors="replace")
            return dict(json.loads(text))
        except (OSError, ValueError, RecursionError) as error:
            raise InvalidInput(
                f"{self.path}/{name} cannot be read: {error}", hint="Put it back from a copy."
            ) from error
