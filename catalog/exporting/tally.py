"""What a trainer cannot read, or does not: counted and named, row by row."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Row = dict[str, Any]
Convert = Callable[[Row, set[str]], Row]
"""Takes a row as `members.rows` gives it, and a set that it adds to what should be known of it."""


class Unfit(Exception):
    """A row that a trainer would skip, misread or stumble over; its text says why."""


class Tally:
    """Counts of what became of rows.

    Attributes:
        written: rows that a trainer reads.
        unfit: rows that it cannot read, by reason.
        notes: rows that it reads otherwise than they are, by what is lost or changed.
    """

    def __init__(self) -> None:
        self.written = 0
        self.unfit: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()

    def convert(self, rows: Iterable[Row], convert: Convert) -> Iterator[Row]:
        """Give the rows that fit, converted, and count all."""
        for row in rows:
            notes: set[str] = set()
            try:
                made = convert(row, notes)
            except Unfit as unfit:
                self.unfit[str(unfit)] += 1
                continue
            self.notes.update(notes)
            self.written += 1
            yield made

    def notices(self) -> tuple[str, ...]:
        """Say in lines what was left out and what is not as it was, the most frequent first."""
        out = [f"left out {rows:,}: {reason}" for reason, rows in _ordered(self.unfit)]
        return (*out, *(f"in {rows:,}: {note}" for note, rows in _ordered(self.notes)))

    def reasons(self) -> str:
        """Say in one line why rows do not fit, the most frequent reason first."""
        return "; ".join(f"{rows:,} with {reason}" for reason, rows in _ordered(self.unfit))


def _ordered(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
