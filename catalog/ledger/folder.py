"""Where the ledger of one run lies: a folder, on a disk or in an object store."""

import json
import os
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from pyarrow import fs

from catalog.errors import Conflict, InvalidInput

MANIFEST = "run.json"
FINISHED = "finished.json"
OBJECT_STORES = {"s3", "gcs", "abfs"}
"""Where a file appears whole when it is closed, and renaming would be a copy."""
CLAIM = re.compile(r"attempt-(\d+)-(\d+)\.json")
LIBRARIES = ("torch", "transformers", "trl", "accelerate", "tokenizers", "datasets")


class RunFolder:
    """The files of one run: what it is, its attempts, and the segments of all its processes.

    Args:
        place: a catalog's home, or a folder or URI that holds ledgers.
        run: the run's name, which is its folder's.
    """

    def __init__(self, place: str | Path, run: str) -> None:
        if not run or not run.isprintable() or run != Path(run).name or run.startswith("."):
            raise InvalidInput(
                f"{run!r} cannot be a run's name",
                hint="It becomes a folder's name: printable, no slash, no dot in front.",
            )
        self.run = run
        if "://" in str(place):
            self._files, path = fs.FileSystem.from_uri(str(place))
        else:
            folder = Path(place).expanduser().absolute()
            path = str(folder / "ledger" if (folder / "catalog.toml").is_file() else folder)
            self._files = fs.LocalFileSystem()
        self.path = f"{path.rstrip('/')}/{run}"
        self._local = self._files.type_name == "local"
        self._files.create_dir(self.path, recursive=True)

    def describe(self, about: Mapping[str, Any]) -> None:
        """Write what the run is, once; a later attempt must be on the same snapshots.

        Raises:
            Conflict: the run is finished, or was trained on something else.
        """
        if self.exists(FINISHED):
            raise Conflict(
                f"the run {self.run!r} is finished",
                hint="Give what is trained next a name of its own, with this run as its parent.",
            )
        new = {
            "run": self.run,
            "uid": uuid4().hex,
            **about,
            "started_at": datetime.now(UTC).isoformat(),
        }
        if self.put(MANIFEST, _json(new), exclusive=True):
            return
        before = self.read_json(MANIFEST)
        for name in ("snapshots", "model", "parent"):
            if about.get(name) and before.get(name) and about[name] != before[name]:
                raise Conflict(
                    f"the run {self.run!r} was begun with {name} {before[name]!r}, "
                    f"and now with {about[name]!r}",
                    hint="Give what is trained in another way a name of its own.",
                )

    def claim(
        self,
        rank: int,
        world_size: int,
        attempt: int | None,
        resumed: Mapping[str, Any] | None,
    ) -> int:
        """Take part in an attempt and return its number.

        Without a number it is the newest that this rank has no part in, else the next: processes
        that start together find each other without talking.

        Raises:
            Conflict: this rank had its part in that attempt already.
        """
        claim = {
            "rank": rank,
            "world_size": world_size,
            "parent": dict(resumed) if resumed else None,
            "started_at": datetime.now(UTC).isoformat(),
            "software": {"python": sys.version.split()[0]} | _versions(),
        }
        told = attempt is not None
        number = attempt if attempt is not None else self._next(rank, world_size)
        while not self.put(f"attempt-{number:04d}-{rank:05d}.json", _json(claim), exclusive=True):
            if told:
                raise Conflict(
                    f"rank {rank} of the run {self.run!r} has logged attempt {number} already",
                    hint="Leave the attempt's number out to have the next one.",
                )
            number += 1
        return number

    def _next(self, rank: int, world_size: int) -> int:
        claims = [match for name in self.names() if (match := CLAIM.fullmatch(name))]
        newest = max((int(match[1]) for match in claims), default=-1)
        mine = [match for match in claims if int(match[1]) == newest]
        if not mine or any(int(match[2]) == rank for match in mine):
            return newest + 1
        joined = self.read_json(mine[0][0]).get("world_size") == world_size
        return newest if joined else newest + 1

    def next_attempt(self) -> int:
        """Return a number that no process has used: for one of several to tell the others."""
        numbers = [int(match[1]) for name in self.names() if (match := CLAIM.fullmatch(name))]
        return max(numbers, default=-1) + 1

    def names(self) -> list[str]:
        """Return the names of all its files, sorted."""
        found = self._files.get_file_info(fs.FileSelector(self.path))
        return sorted(info.base_name for info in found)

    def exists(self, name: str) -> bool:
        """Tell whether it has a file of this name."""
        [info] = self._files.get_file_info([f"{self.path}/{name}"])
        return bool(info.type == fs.FileType.File)

    def read_json(self, name: str) -> dict[str, Any]:
        """Return what one of its JSON files says.

        Raises:
            InvalidInput: it is damaged.
        """
        try:
            with self._files.open_input_stream(f"{self.path}/{name}") as stream:
                return dict(json.loads(stream.read()))
        except (OSError, ValueError, TypeError) as error:
            raise InvalidInput(
                f"{self.path}/{name} cannot be read: {error}",
                hint="Put it back from a copy, or log under another name.",
            ) from error

    def put(self, name: str, content: bytes, *, exclusive: bool = False) -> bool:
        """Write a file so that it is whole or not there, even if the machine stops.

        Args:
            name: the file's.
            content: its bytes.
            exclusive: leave one that is there alone, and return False.
        """
        path = f"{self.path}/{name}"
        if self._files.type_name in OBJECT_STORES:
            if exclusive and self.exists(name):
                return False
            self._write(path, content)
            return True
        aside = f"{self.path}/.{name}.{os.getpid()}"
        try:
            self._write(aside, content)
            if not exclusive:
                self._files.move(aside, path)
            elif self._local:
                os.link(aside, path)
            elif self.exists(name):
                return False
            else:
                self._files.move(aside, path)
            return True
        except FileExistsError:
            return False
        finally:
            if self._local:
                Path(aside).unlink(missing_ok=True)

    def _write(self, path: str, content: bytes) -> None:
        if not self._local:
            with self._files.open_output_stream(path) as stream:
                stream.write(content)
            return
        with Path(path).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, indent=2, default=str).encode()


def _versions() -> dict[str, str]:
    loaded = {name: getattr(sys.modules.get(name), "__version__", None) for name in LIBRARIES}
    return {name: str(version) for name, version in loaded.items() if version}
