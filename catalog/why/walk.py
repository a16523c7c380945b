"""The ranked lists that round robin walked: where samples stand in them, and how far it came."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.progress import Progress
from catalog.sql import load
from catalog.store import Store
from catalog.vectors import Ids
from catalog.why.past import Past

EXACT_ROWS = 20_000_000
"""Rows of lists that are ranked only to count how far away a sample was."""


@dataclass(frozen=True)
class Standing:
    """Where a sample stands in one list, and what would have taken it from there.

    Attributes:
        list: which list, from 0 in the order in which they take turns.
        task: the list's task.
        query_id: the list's query, or the sample's best of the task's if a list is a task's.
        rank: of the sample in the list, from 0.
        score: that ranks it.
        turn: at which the list comes to it; with constraints, at the latest.
        reached: the last rank that the walk came to in this list; -1 if it had no turn.
        needed_score: of the sample at that rank: what it takes to be reached; None if no turn.
    """

    list: int
    task: str
    query_id: int
    rank: int
    score: float
    turn: int
    reached: int
    needed_score: float | None


class Walk:
    """Round robin over a pool's rankings.

    Args:
        seen: the snapshot and what it saw.
        last_turn: of its members.
        around: ranks beyond the last reached one to keep.
        progress: is told how far scoring is.

    Raises:
        CatalogError: the space, vectors or queries are not here any more.
    """

    def __init__(self, seen: Past, last_turn: int, around: int, progress: Progress) -> None:
        provision = seen.provision(progress)
        self._ranker = provision.ranker
        self._size = len(provision.pool.ids)
        self._ids = provision.pool.ids
        self._names = [entry.task.name for entry in provision.tasks]
        self._last_turn = last_turn
        self.lists = self._ranker.lists
        walked = self._walked(seen)
        self._ranking = self._ranked(max(walked.values()) + 2 + around)
        scores = self._scores_at(walked)
        self._reached = {n: (rank, scores.get(n)) for n, rank in walked.items()}

    def _ranked(self, limit: int) -> pa.Table:
        return self._ranker.rank(min(limit, self._size))

    def _walked(self, seen: Past) -> dict[int, int]:
        """Return the last rank that the walk came to in each list; -1 where it had no turn."""
        if not seen.constrained:
            return {n: (self._last_turn - n) // self.lists for n in range(self.lists)}
        with Store(seen.home).read() as reader:  # what was passed over took no turn
            rows = reader.rows(
                load("explain/reached"),
                snapshot_id=seen.snapshot.snapshot_id,
                lists=self.lists,
            )
        return dict.fromkeys(range(self.lists), -1) | {row["list"]: row["rank"] for row in rows}

    def _scores_at(self, ranks: dict[int, int]) -> dict[int, float]:
        """Return the score at one rank of each list; lists without that rank are left out."""
        wanted = {"list": pa.array(ranks, pa.int32()), "rank": list(ranks.values())}
        found = self._ranking.join(pa.table(wanted), ["list", "rank"], join_type="inner")
        pairs = zip(found["list"].to_pylist(), found["score"].to_pylist(), strict=True)
        return dict(pairs)

    def come_to(self) -> Ids:
        """Return the ids of all samples that some list came to, ascending; members among them."""
        last = np.array([self._reached[n][0] for n in range(self.lists)])
        inside = self._ranking["rank"].to_numpy() <= last[self._ranking["list"].to_numpy()]
        return np.unique(self._ranking["sample_id"].to_numpy()[inside])

    def window(self, number: int, rank: int, around: int) -> list[dict[str, Any]]:
        """Return the samples of a list about a rank: list, sample_id, score, query_id, rank."""
        near = pc.and_(
            pc.equal(self._ranking["list"], number),
            pc.less_equal(pc.abs(pc.subtract(self._ranking["rank"], rank)), around),
        )
        rows: list[dict[str, Any]] = self._ranking.filter(near).to_pylist()
        return rows

    def standings(self, sample_ids: Iterable[int]) -> dict[int, list[Standing]]:
        """Return where samples stand in every list, each sample's standings by turn."""
        wanted = sorted(one for one in set(sample_ids) if np.isin(one, self._ids))
        found = {key: list[Standing]() for key in wanted}
        self._read(self._ranking, found)
        short = {key: found[key] for key in wanted if len(found[key]) < self.lists}
        if len(short) > 1 and self._size * self.lists <= EXACT_ROWS:
            for entries in short.values():
                entries.clear()
            self._read(self._ranked(self._size), short)
        else:
            for key, entries in short.items():
                entries[:] = [
                    self._standing(one.list, one.rank, one.score, one.query_id)
                    for one in self._ranker.ranks(key)
                ]
        for entries in found.values():
            entries.sort(key=lambda entry: entry.turn)
        return found

    def _read(self, ranking: pa.Table, standings: dict[int, list[Standing]]) -> None:
        """Add what ranked lists say of the samples that are asked for."""
        wanted = pa.array(standings, pa.int64())
        for row in ranking.filter(pc.is_in(ranking["sample_id"], value_set=wanted)).to_pylist():
            standings[row["sample_id"]].append(
                self._standing(row["list"], row["rank"], row["score"], row["query_id"])
            )

    def _standing(self, number: int, rank: int, score: float, query_id: int) -> Standing:
        reached, needed = self._reached[number]
        task = self._names[number if len(self._names) > 1 else 0]
        turn = rank * self.lists + number
        return Standing(number, task, query_id, rank, score, turn, reached, needed)

    def members_before(self, turn: int) -> tuple[int, int]:
        """Return how many samples are taken before a turn without constraints: at least, at most.

        Both are the same where the lists can be ranked that far.
        """
        depth = min(turn // self.lists + 1, self._size)
        if depth * self.lists > EXACT_ROWS:
            return depth, min(turn, self._size)
        ranking = self._ranking
        if pc.max(ranking["rank"]).as_py() + 1 < depth:
            ranking = self._ranked(depth)
        turns = ranking["rank"].to_numpy() * self.lists + ranking["list"].to_numpy()
        exact = len(np.unique(ranking["sample_id"].to_numpy()[turns < turn]))
        return exact, exact
