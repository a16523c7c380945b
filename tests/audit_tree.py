"""Runs made up at random, logged, and told again in plain Python, for audits to be held against."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from catalog import Catalog
from catalog.ledger import Ledger

Key = tuple[int, int, int]
"""A checkpoint: attempt and step; or an attempt, its parent and the step it went on from."""


@dataclass(frozen=True)
class Shown:
    """One exposure, as it was logged."""

    attempt: int
    rank: int
    step: int
    micro_step: int
    position: int
    epoch: int
    hash: str
    place: int
    start: int
    tokens: int
    loss: int
    flagged: bool
    applied: bool | None

    @property
    def contributed(self) -> bool:
        return bool(self.applied) and self.loss > 0


class Cut(Exception):
    """The machine was switched off."""


@dataclass
class Tree:
    """A run's attempts: the first fresh, each other resumed from a checkpoint of one before it."""

    run: str
    hashes: list[str]
    seed: int
    parent: str | None = None
    rows: list[Shown] = field(default_factory=list)
    parents: dict[int, tuple[int, int] | None] = field(default_factory=dict)
    checkpoints: list[tuple[int, int]] = field(default_factory=list)
    dropped: set[str] = field(default_factory=set)

    def log(self, cat: Catalog, attempts: int = 4) -> "Tree":
        """Log it all, by two ranks."""
        random = Random(self.seed)
        self.dropped = set(self.hashes[-2:])
        states: dict[tuple[int, int], dict[str, Any]] = {}
        for attempt in range(attempts):
            origin = random.choice(sorted(states)) if states else None
            self.parents[attempt] = origin
            first = origin[1] + 1 if origin else 1
            last = first + random.randint(2, 4)
            for rank in range(2):
                resumed = states[origin] if origin else None
                plan = Random(f"{self.seed} {attempt}")
                with suppress(Cut):
                    self._rank(cat, attempt, rank, first, last, resumed, plan, states)
        return self

    def _rank(
        self,
        cat: Catalog,
        attempt: int,
        rank: int,
        first: int,
        last: int,
        resumed: dict[str, Any] | None,
        plan: Random,
        states: dict[tuple[int, int], dict[str, Any]],
    ) -> None:
        about = {"snapshot": "few@1", "model": "tiny", "parent": self.parent}
        with Ledger(
            cat.home.path, self.run, rank, world_size=2, attempt=attempt, resumed=resumed, **about
        ) as ledger:
            if attempt == 0 and rank == 0:
                ledger.drop(sorted(self.dropped), "too long")
            for step in range(first, last + 1):
                skipped, saved = plan.random() < 0.2, plan.random() < 0.6
                cut = step == last and plan.random() < 0.5
                applied = None if cut else not skipped
                for micro_step in range(2):
                    self._record(ledger, attempt, rank, step, micro_step, applied)
                if cut:
                    raise Cut
                ledger.end_step(step, applied=not skipped, reason="overflow" if skipped else None)
                if saved or step == first:
                    state = ledger.checkpoint(step, f"out/{self.run}-{attempt}-{step}")
                    states[attempt, step] = dict(state)
                    if rank == 0:
                        self.checkpoints.append((attempt, step))

    def _record(
        self,
        ledger: Ledger,
        attempt: int,
        rank: int,
        step: int,
        micro_step: int,
        applied: bool | None,
    ) -> None:
        random = Random(f"{self.seed} {step} {micro_step} {rank} {attempt % 2}")
        rows = []
        for position in range(3):
            place = random.randrange(len(self.hashes))
            rows.append(
                Shown(
                    attempt,
                    rank,
                    step,
                    micro_step,
                    position,
                    epoch=step // 4,
                    hash=self.hashes[place],
                    place=place,
                    start=random.choice([0, 0, 0, 7]),
                    tokens=random.randint(1, 20),
                    loss=random.choice([0, 3, 5]),
                    flagged=random.random() < 0.15,
                    applied=applied,
                )
            )
        ledger.record(
            [row.hash for row in rows],
            step=step,
            epoch=step // 4,
            dataset_position=[row.place for row in rows],
            sample_start=[row.start for row in rows],
            tokens=[row.tokens for row in rows],
            truncated_tokens=[1] * len(rows),
            loss_tokens=[row.loss for row in rows],
            repeated=[row.flagged for row in rows],
        )
        self.rows += rows

    def head(self) -> int:
        """The newest attempt."""
        return max(self.parents)

    def leads(self, attempt: int, step: int, head: int, until: int | None = None) -> bool:
        """Whether a step of an attempt led to another's end, or to a step on the way there."""
        if until is not None and step > until:
            return False
        while attempt != head:
            origin = self.parents[head]
            if origin is None or step > origin[1]:
                return False
            head = origin[0]
        origin = self.parents[attempt]
        return origin is None or step > origin[1]

    def effective(self, head: int, until: int | None = None) -> list[Shown]:
        """The exposures that led there, in order."""
        found = [row for row in self.rows if self.leads(row.attempt, row.step, head, until)]
        return sorted(found, key=lambda r: (r.step, r.micro_step, r.rank, r.position))


def repeats(rows: list[Shown]) -> int:
    """How many a sampler repeated: flagged, or a place that the epoch had before."""
    had: set[Key] = set()
    number = 0
    for row in rows:
        key = (row.epoch, row.place, row.start)
        number += row.flagged or key in had
        had.add(key)
    return number


def grouped(rows: list[Shown], by: Callable[[Shown], Any]) -> dict[Any, list[Shown]]:
    """The rows by something of each."""
    found: dict[Any, list[Shown]] = defaultdict(list)
    for row in rows:
        found[by(row)].append(row)
    return found


def heads(tree: Tree) -> Iterator[tuple[int | None, int | None]]:
    """Models to ask about: every attempt's end, and every checkpoint."""
    yield None, None
    for attempt in tree.parents:
        yield attempt, None
    yield from tree.checkpoints
