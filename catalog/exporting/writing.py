"""One export under way: what every format writes from."""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from catalog.exporting.members import rows
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

    def look(self, convert: Convert) -> Iterator[Row]:
        """Give the converted rows to look at before they are written."""
        return Tally().convert(rows(self.home, self.snapshot), convert)

    def converted(self, convert: Convert) -> Iterator[Row]:
        """Give the converted rows to write: counted, with progress told."""
        return self.tally.convert(self._told(), convert)

    def plain(self) -> Iterator[Row]:
        """Give the rows as they are, to write."""
        return self.converted(lambda row, _: row)

    def _told(self) -> Iterator[Row]:
        for count, row in enumerate(rows(self.home, self.snapshot), 1):
            yield row
            if count % 1000 == 0 or count == self.total:
                self.progress(Tick("export", count / self.total, {"rows": count}))


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
