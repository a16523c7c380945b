"""Rankings for rules that walk ranked lists: cut as short as the result stays exact."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from catalog.errors import MissingVectors
from catalog.home import Home
from catalog.model import NamedSpace, TaskQueries
from catalog.progress import Progress, Tick
from catalog.selecting.pool import Pool
from catalog.similarity import BestPerTask, Positions, TopPerQuery, score
from catalog.vectors import Floats, Ids, Vectors

Lists = Iterator[tuple[Positions, Floats, Ids]]


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
            return Vectors(home, self._named.space, "query").of(self._queries)
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
            list (int64), lists, sample_id, order_key, score (float32), task, query_id; one row per
            (list, sample).

        Raises:
            MissingVectors: samples of the pool have none in the space.
        """
        names = [entry.task.name for entry in self._tasks]
        parts = []
        for number, (positions, scores, queries) in enumerate(self._lists(limit)):
            parts.append(
                pa.table(
                    {
                        "list": np.full(len(positions), number),
                        "lists": np.full(len(positions), self.lists),
                        "sample_id": self._ids[positions],
                        "order_key": self._order_keys[positions],
                        "score": scores,
                        "task": pa.DictionaryArray.from_arrays(self._task_of[queries], names),
                        "query_id": np.array(self._queries)[queries],
                    }
                )
            )
        return pa.concat_tables(parts)

    def _lists(self, limit: int) -> Lists:
        if len(self._tasks) == 1:
            top = TopPerQuery(self.lists, limit, self._order_keys)
            self._score(top.add)
            return top.top()
        if self._best is None:
            sizes = [len(entry.query_ids) for entry in self._tasks]
            self._best = BestPerTask(sizes, len(self._ids))
            self._score(self._best.add)
        return self._best.top(limit, self._order_keys)

    def _score(self, add: Callable[[Positions, Floats], None]) -> None:
        scored = 0

        def tell(rows: int) -> None:
            nonlocal scored
            scored += rows
            self._progress(Tick("score", scored / len(self._ids), {"samples": scored}))

        for positions, scores in score(self._vectors, self._matrix, self._ids, tell):
            add(positions, scores)
        if scored < len(self._ids):
            missing = len(self._ids) - scored
            raise self._lacking(
                f"{missing:,} of {len(self._ids):,} samples of the pool",
                "leave out the rest with --where 'tokens is not null'",
            )
