"""How much of a run is recorded: said beside every answer, since a gap is not "not seen"."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import floor
from os import listdir
from pathlib import Path
from typing import Any

from catalog.errors import InvalidInput
from catalog.home import Home
from catalog.ledger import MANIFEST, ledgers, read_manifest
from catalog.sql import load
from catalog.store import Reader

NOTHING = "nothing is recorded: this is not “not seen”"


@dataclass(frozen=True)
class Coverage:
    """What is recorded on the way to one model of a run.

    Attributes:
        run: its name.
        attempt: the one whose end, or a step of it, is meant; None if there is no ledger.
        last_step: the last optimizer step spoken of.
        steps: how many there are up to there.
        recorded_steps: those of them that every rank told of in full.
        ranks_missing: data-parallel ranks that left no ledger.
        damaged_segments: files of the ledger that could not be read.
        lost_exposures: what trainers said they could not write.
        unimported: the home holds a part of its ledger that is not imported.
    """

    run: str
    attempt: int | None
    last_step: int
    steps: int
    recorded_steps: int
    ranks_missing: int
    damaged_segments: int
    lost_exposures: int
    unimported: bool

    @property
    def percent(self) -> float | None:
        """Return how many of 100 steps are recorded, rounded down; None if there is no ledger."""
        if self.attempt is None or not self.steps:
            return None
        return min(100.0, floor(1000 * self.recorded_steps / self.steps) / 10)

    @property
    def whole(self) -> bool:
        """Tell whether nothing is known to be missing."""
        problems = (self.ranks_missing, self.damaged_segments, self.lost_exposures)
        return self.percent == 100 and not any(problems) and not self.unimported

    @property
    def sentence(self) -> str:
        """Return it in words.

        >>> Coverage("r", 2, 400, 400, 395, 1, 1, 0, True).sentence
        '98.7% of optimizer steps recorded (steps 1 to 400 of attempt 2; 5 not recorded; 1 rank \
missing; 1 segment damaged; its ledger is not wholly imported yet)'
        >>> Coverage("r", None, 0, 0, 0, 0, 0, 0, False).sentence
        'nothing is recorded: this is not “not seen”'
        """
        if self.percent is None:
            waits = "; its ledger is not imported yet" if self.unimported else ""
            return NOTHING + waits
        missing = max(0, self.steps - self.recorded_steps)
        first = 1 + self.last_step - self.steps
        parts = [f"steps {first} to {self.last_step:,} of attempt {self.attempt}"]
        parts += _told(missing, "{} not recorded", "{} not recorded")
        parts += _told(self.ranks_missing, "{} rank missing", "{} ranks missing")
        parts += _told(self.damaged_segments, "{} segment damaged", "{} segments damaged")
        parts += _told(self.lost_exposures, "{} exposure lost", "{} exposures lost")
        parts += ["its ledger is not wholly imported yet"] if self.unimported else []
        return f"{self.percent:.1f}% of optimizer steps recorded ({'; '.join(parts)})"

    def columns(self) -> dict[str, Any]:
        """Return it as columns, to stand beside the rows of an answer."""
        return {
            "coverage_percent": self.percent,
            "coverage": f"{self.run}: {self.sentence}",
        }


def _told(number: int, one: str, several: str) -> list[str]:
    return [(one if number == 1 else several).format(f"{number:,}")] if number else []


def coverage(
    reader: Reader,
    unimported: Iterable[str],
    wanted: Iterable[tuple[int, int | None, int | None]] | None = None,
) -> list[Coverage]:
    """Return the coverage of some models, or of the newest of every run.

    Args:
        reader: an open one.
        unimported: the runs that `unimported` gives.
        wanted: (run_id, attempt, step) of each; a step of None is the attempt's last.
    """
    rows = reader.rows(load("audit/coverage"))
    waiting = set(unimported)
    if wanted is None:
        chosen = [row for row in rows if row["newest"] or row["attempt"] is None]
        named = {row["run"] for row in chosen}
        nothing = [_nothing(run, waiting) for run in sorted({r["run"] for r in rows} - named)]
        return sorted([_of(row, waiting) for row in chosen] + nothing, key=lambda c: c.run)
    by_head = {(row["run_id"], row["attempt"]): row for row in rows}
    names = {row["run_id"]: row["run"] for row in rows}
    found = []
    for run_id, attempt, step in wanted:
        row = by_head.get((run_id, attempt))
        if row is None or attempt is None:
            found.append(_nothing(names[run_id], waiting))
        elif step is None or step >= row["last_step"]:
            found.append(_of(row, waiting))
        else:
            told = reader.value(load("audit/recorded"), run_id=run_id, head=attempt, step=step)
            steps = step + row["steps"] - row["last_step"]
            cut = {"last_step": step, "steps": steps, "recorded_steps": told}
            found.append(_of(row | cut, waiting))
    return found


def _of(row: dict[str, Any], waiting: set[str]) -> Coverage:
    if row["attempt"] is None:
        return _nothing(row["run"], waiting)
    return Coverage(
        row["run"],
        row["attempt"],
        row["last_step"],
        row["steps"],
        row["recorded_steps"],
        row["ranks_missing"],
        row["damaged_segments"],
        row["lost_exposures"],
        row["run"] in waiting,
    )


def _nothing(run: str, waiting: set[str]) -> Coverage:
    return Coverage(run, None, 0, 0, 0, 0, 0, 0, run in waiting)


def unimported(reader: Reader, home: Home) -> list[str]:
    """Return the runs whose ledger in the home holds segments that are not imported, sorted."""
    known: dict[str, set[str]] = {}
    names = {}
    for row in reader.rows(load("audit/segments")):
        mark = row["uid"] or row["run"]
        known.setdefault(mark, set()).add(row["name"])
        names[mark] = row["run"]
    found = set()
    for folder, run, _ in ledgers(home.ledger):
        mark = next((mark for mark in (_uid(folder), run) if mark in known), run)
        there = known.get(mark, set())
        # A ledger may have a million files.
        if any(name.endswith(".arrow") and name not in there for name in listdir(folder)):
            found.add(names.get(mark, run))
    return sorted(found)


def _uid(folder: Path) -> str:
    """Return the mark that a ledger bears, by which a run is known that has another name here."""
    try:
        return str(read_manifest(folder / MANIFEST).get("uid"))
    except InvalidInput:
        return ""


def all_runs(found: Sequence[Coverage], waiting: Sequence[str]) -> str:
    """Return in words what an answer about every run rests on."""
    unknown = [name for name in waiting if name not in {one.run for one in found}]
    behind = f"; ledgers not imported yet: {', '.join(waiting)}" if waiting else ""
    if not found:
        return "no run is recorded: this is not “not seen”" + behind
    bare = [one.run for one in found if one.percent is None]
    told = [one for one in found if one.percent is not None]
    partial = sorted((one for one in told if not one.whole), key=lambda one: (one.percent, one.run))
    number = len(found) + len(unknown)
    parts = [f"{len(told) - len(partial):,} of {number:,} run{'s'[: number != 1]} recorded in full"]
    parts += [f"{one.run}: {one.sentence}" for one in partial[:5]]
    parts += [f"{len(partial) - 5:,} more in part"] if len(partial) > 5 else []
    if bare:
        listed = ", ".join(bare[:5]) + (", …" if len(bare) > 5 else "")
        parts += [f"nothing is recorded of {listed}: this is not “not seen”"]
    return "; ".join(parts) + behind
