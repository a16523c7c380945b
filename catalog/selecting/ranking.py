"""Rankings for rules that walk ranked lists: cut as short as the result stays exact."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from catalog.errors import MissingVectors
from catalog.home import Home
from catalog.model import NamedSpace, TaskQueries
from catalog.progress import Progress, Tick
from catalog.selecting.pool import Pool
from catalog.selecting.turns import FirstTurns
from catalog.similarity import BestPerTask, Positions, TopPerQuery, score, scores_of
from catalog.vectors import Floats, Ids, Vectors


@dataclass(frozen=True)
class ListRank:
    """Where a sample stands in one list.

    Attributes:
        list: the list's number: the query's with one task, the task's with several.
        rank: how many samples of the pool stand before it, by score and then by order key.
        score: in this list.
        query_id: that gives the score.
    """

    list: int
    rank: int
    score: float
    query_id: int


Lists = Iterator[tuple[Positions, Floats, Ids]]

LEAST_LIMIT = 1024
"""How long the lists are at least: to score anew costs more than to keep some more."""

NUMBER_BYTES = 8
HELD_BYTES = 1 << 30
"""What the lists of one task's queries may take; beyond it they are made some at a time."""


class Ranker:
    """Ranks a pool for tasks: over the queries of one task, or over several tasks.

    Args:
        home: where the vectors are.
        named: the space to score in.
        pool: the samples to rank.
        tasks: in the order in which they take turns.
        progress: is told how far scoring is.
    """

    def __init__(
        self,
        home: Home,
        named: NamedSpace,
        pool: Pool,
        tasks: Sequence[TaskQueries],
        progress: Progress,
    ) -> None:
        self._ids = pool.samples["sample_id"].to_numpy()
        self._order_keys = pool.samples["order_key"].to_numpy()
        self._home = home
        self._tasks = tasks
        self._queries = [query for entry in tasks for query in entry.query_ids]
        self._task_of = np.repeat(np.arange(len(tasks)), [len(t.query_ids) for t in tasks])
        self._named = named
        self._progress = progress
        self._vectors = Vectors(home, named.space, "sample")
        self._matrix = self._query_vectors(home)
        self._best: BestPerTask | None = None
        self.lists = len(self._queries) if len(tasks) == 1 else len(tasks)

    def _query_vectors(self, home: Home) -> Floats:
        try:
            queries = Vectors(home, self._named.space, "query").lookup()
            return queries.of(np.array(self._queries, np.int64))
        except KeyError as error:
            missing = set(error.args[0])
            names = {entry.task.name for entry in self._tasks if missing & {*entry.query_ids}}
            raise self._lacking(
                f"{len(missing)} of the queries of {', '.join(sorted(names))}",
                f"queries without a {self._named.space.text}, or of a replaced revision, get none",
            ) from error

    def _lacking(self, what: str, but: str) -> MissingVectors:
        return MissingVectors(
            f"the space {self._named.name!r} has no vectors for {what}",
            hint=f"Run `catalog embed --space {self._named.name}` for what is missing; {but}.",
        )

    def rank(self, limit: int) -> pa.Table:
        """Return every list's first `limit` samples.

        Returns:
            list, lists (int32), rank (from 0, by score, ties by order_key), sample_id, order_key,
            score (float32), task, query_id; one row per (list, sample), each list best first.

        Raises:
            MissingVectors: samples of the pool have none in the space.
        """
        lists = list(self.best_first(limit))
        lengths = [len(positions) for positions, _, _ in lists]
        positions, scores, queries = (np.concatenate(part) for part in zip(*lists, strict=True))
        numbers = np.repeat(np.arange(len(lists), dtype=np.int32), lengths)
        ranks = np.concatenate([np.arange(length) for length in lengths])
        return self.places(numbers, ranks, positions, scores, queries)

    def first_places(self, size: int) -> pa.Table:
        """Return, of so many samples that round robin comes to first, the place where it does.

        These are the rows of `rank` that can decide anything: at every other place of a list the
        sample is taken already, or it is beyond the end.

        Returns:
            The columns of `rank`; one row per sample, in order of turn.

        Raises:
            MissingVectors: samples of the pool have none in the space.
        """
        found = self._first_turns(min(size, len(self._ids)))
        positions = found.first(size)
        ranks, numbers = np.divmod(found.turns[positions], self.lists)
        scores, queries = found.scores[positions], found.queries[positions]
        return self.places(numbers.astype(np.int32), ranks, positions, scores, queries)

    def _first_turns(self, size: int) -> FirstTurns:
        """Walk lists that are cut short at first, and made longer until so many samples are met.

        Enough are the right ones: a sample beyond every cut has a turn of at least limit times
        lists, and whatever is met within them has a smaller one. One list of `size` is enough.
        """
        limit = min(self.first_limit(size), size)
        while True:
            found = FirstTurns(len(self._ids), self.lists)
            found.add_all(self.best_first(limit))
            met = found.met
            self._progress(Tick("rank", None, {"samples": met}))
            if met >= size or limit >= size:
                return found
            limit = min(max(2 * limit, limit * size * 3 // (2 * max(met, 1))), size)

    def places(
        self,
        numbers: npt.NDArray[np.int32],
        ranks: Ids,
        positions: Positions,
        scores: Floats,
        queries: npt.NDArray[np.integer[Any]],
    ) -> pa.Table:
        """Return places of lists as the rules know them."""
        names = [entry.task.name for entry in self._tasks]
        return pa.table(
            {
                "list": numbers,
                "lists": np.full(len(positions), self.lists, np.int32),
                "rank": ranks,
                "sample_id": self._ids[positions],
                "order_key": self._order_keys[positions],
                "score": scores,
                "task": pa.DictionaryArray.from_arrays(self._task_of[queries], names),
                "query_id": np.array(self._queries)[queries],
            }
        )

    def first_limit(self, size: int) -> int:
        """Return how long lists are likely to give so many samples together."""
        return min(max(-(-2 * size // self.lists), LEAST_LIMIT), len(self._ids))

    def best_first(self, limit: int) -> Lists:
        """Give every list's first `limit` samples: positions, scores, query numbers."""
        if len(self._tasks) > 1:
            yield from self.best().top(limit, self._order_keys)
            return
        step = max(HELD_BYTES // (NUMBER_BYTES * 2 * max(limit, 1)), 1)
        for start in range(0, self.lists, step):
            part = slice(start, min(start + step, self.lists))
            yield from self._best_of(part, limit)

    def _best_of(self, part: slice, limit: int) -> Lists:
        """Give the lists of some queries of the only task.

        All are scored, and those of others left: the bits of a product depend on its shape.
        """
        top = TopPerQuery(part.stop - part.start, limit, self._order_keys)
        self._score(lambda positions, scores: top.add(positions, scores[:, part]))
        for positions, scores, queries in top.top():
            yield positions, scores, queries + part.start

    def similarity(self, *, means: bool = True) -> pa.Table:
        """Return every sample's best and mean score for every task.

        Args:
            means: whether the mean scores are wanted, which take longer than the best.

        Returns:
            sample_id, order_key, task, task_position, tasks (int32), score (float32, the best over
            the task's queries), query_id (the first that has it), and mean (float64, over the
            task's queries); one row per (task, sample).

        Raises:
            MissingVectors: samples of the pool have none in the space.
        """
        best = self.best(means=means)
        query_ids = np.array(self._queries)
        parts = []
        for number, entry in enumerate(self._tasks):
            samples = len(self._ids)
            columns = {
                "sample_id": self._ids,
                "order_key": self._order_keys,
                "task": _same(entry.task.name, samples),
                "task_position": np.full(samples, number, np.int32),
                "tasks": np.full(samples, len(self._tasks), np.int32),
                "score": best.scores[number],
                "query_id": query_ids[best.queries[number]],
            }
            if means:
                columns["mean"] = best.means[number]
            parts.append(pa.table(columns))
        return pa.concat_tables(parts)

    def ranks(self, sample_id: int) -> list[ListRank]:
        """Tell where a sample stands in every list.

        Raises:
            KeyError: the pool does not hold it.
            MissingVectors: samples of the pool have none in the space.
        """
        found = np.flatnonzero(self._ids == sample_id)
        if not len(found):
            raise KeyError(sample_id)
        position = int(found[0])
        if len(self._tasks) > 1:
            best = self.best()
            scores, queries = best.scores[:, position], best.queries[:, position].tolist()
            ranks = self._before(np.arange(len(self._ids)), best.scores.T, position, scores)
        else:
            own = scores_of(self._home, self._named, [sample_id], self._queries)
            scores, queries = own[0], range(len(self._queries))
            ranks, adding = np.zeros(len(scores), np.int64), Lock()

            def count(positions: Positions, block: Floats) -> None:
                before = self._before(positions, block, position, scores)
                with adding:
                    ranks[:] += before

            self._score(count)
        return [
            ListRank(number, int(ranks[number]), float(scores[number]), self._queries[query])
            for number, query in enumerate(queries)
        ]

    def _before(self, positions: Positions, block: Floats, position: int, own: Floats) -> Ids:
        """Count, per list, the samples of a block that stand before the one at a position."""
        smaller = self._order_keys[positions] < self._order_keys[position]
        counted: Ids = (block > own).sum(axis=0) + (block[smaller] == own).sum(axis=0)
        return counted

    def best(self, *, means: bool = False) -> BestPerTask:
        """Score everything for every task, unless that was done."""
        if self._best is None or (means and not self._best.means.size):
            sizes = [len(entry.query_ids) for entry in self._tasks]
            best = BestPerTask(sizes, len(self._ids), means=means)
            self._score(best)
            self._best = best
        return self._best

    def _score(self, take: Callable[[Positions, Floats], None] | BestPerTask) -> None:
        scored = 0

        def tell(rows: int) -> None:
            nonlocal scored
            scored += rows
            self._progress(Tick("score", scored / len(self._ids), {"samples": scored}))

        score(self._vectors, self._matrix, self._ids, take, tell)
        if scored < len(self._ids):
            missing = len(self._ids) - scored
            raise self._lacking(
                f"{missing:,} of {len(self._ids):,} samples of the pool",
                "leave out the rest with --where 'tokens is not null'",
            )


def _same(text: str, count: int) -> pa.DictionaryArray:
    """Return a text so many times, a byte each."""
    return pa.DictionaryArray.from_arrays(np.zeros(count, np.int8), [text])
