"""One export under way: what every format writes from."""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from catalog.exporting.members import rows
from catalog.exporting.ordering import Members
from catalog.exporting.tally import Convert, Row, Tally
from catalog.home import Home
from catalog.progress import Progress, Tick, silent
from catalog.snapshot import Snapshot


@dataclass
class Writing:
    """An export under way.

    Attributes:
        home: the catalog's.
        snapshot: what is written.
        output: where it will be, absolute; what is written lies aside until it is whole.
        overwrite: whether other content there may be replaced.
        total: how many rows there are.
        progress: is told how many are written.
        tally: counts them, and what a trainer cannot read.
        merged: names of files in which what was there is kept, so that they may be replaced.
    """

    home: Home
    snapshot: Snapshot
    output: Path
    overwrite: bool = False
    total: int = 0
    progress: Progress = silent
    tally: Tally = field(default_factory=Tally)
    merged: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        """What files and entries of this snapshot are called."""
        return f"{self.snapshot.name}-v{self.snapshot.version}"

    @cached_property
    def members(self) -> Members:
        """What is written, read when it is first asked for."""
        return Members(self.home, self.snapshot, self.output.parent, self.progress)

    def close(self) -> None:
        """Forget what was read."""
        if "members" in self.__dict__:
            self.members.close()

    def look(self, convert: Convert) -> Iterator[Row]:
        """Give the converted rows that are not plain, to look at before all are written."""
        return Tally().convert(rows(self.members.odd_parts(), self.snapshot), convert)

    def converted(self, convert: Convert) -> Iterator[Row]:
        """Give the converted rows to write: counted, with progress told."""
        return self.tally.convert(rows(self._told(), self.snapshot), convert)

    def parts(self) -> Iterator[pa.RecordBatch]:
        """Give the members as they are, to write: counted, with progress told."""
        for part in self._told():
            yield part
            self.tally.written += len(part)

    def _told(self) -> Iterator[pa.RecordBatch]:
        done = 0
        for part in self.members.parts():
            yield part
            done += len(part)
            self.progress(Tick("export", done / self.total, {"rows": done}))


def write_lines(rows: Iterable[Row], path: Path) -> None:
    """Write rows as JSON lines, safe on the disk when this returns."""
    with path.open("w", encoding="utf-8") as stream:
        for row in rows:
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def write_text(text: str, path: Path) -> None:
    """Write a text, safe on the disk when this returns."""
    with path.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
