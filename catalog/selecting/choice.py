"""One choice: a rule is run for a size, or its order is walked within constraints and budgets."""

import numpy as np
import pyarrow as pa

from catalog.connection import mapped_errors
from catalog.errors import TooFewSamples
from catalog.functions.tables import prepare
from catalog.selecting.bars import Bar, NearDuplicates, SourceCap
from catalog.selecting.members import members
from catalog.selecting.provision import Provision
from catalog.selecting.statement import own_params, run_own
from catalog.selecting.walk import Goal, Positions, TooShort, walk_down, walk_lists
from catalog.store import Store, scratch
from catalog.vectors import Vectors


class Choice:
    """One selection at work: the rule is run, or its lists are walked, until there are enough."""

    def __init__(self, provision: Provision) -> None:
        self._provision = provision
        self._home = provision.home
        self._recipe = provision.recipe
        self._rule = provision.rule
        self._pool = provision.pool
        self._ids = provision.pool.ids

    def choose(self) -> pa.Table:
        """Return the members in order."""
        recipe = self._recipe
        self._require(len(self._ids), self._all_tokens(), "there are")
        constrained = recipe.max_per_source is not None or recipe.skip_near_duplicates is not None
        if constrained and self._rule.walks:
            found, goal = self._walk_lists()
        elif constrained or recipe.tokens is not None:
            found, goal = self._walk_down(constrained=constrained)
        else:
            found = self._run(recipe.size).slice(0, recipe.size)
            goal = Goal(None, None, taken=len(found))
        spent = None if goal.is_full else goal.spent
        self._require(goal.taken, spent, "the constraints allow" if constrained else "there are")
        return found

    def _require(self, samples: int, tokens: int | None, there_are: str) -> None:
        """Refuse to give less than what was asked for, unless told otherwise."""
        recipe = self._recipe
        if samples == 0:
            raise TooFewSamples(
                "no sample is left to select"
                if len(self._ids) == 0 or recipe.tokens is None
                else f"the first sample in order has more than {recipe.tokens:,} tokens",
                hint="Widen the condition or the budget, or ingest samples with `catalog ingest`.",
            )
        if recipe.allow_fewer:
            return
        if recipe.size is not None and samples < recipe.size:
            raise TooFewSamples(
                f"{recipe.size:,} samples were asked for, {there_are} {samples:,}",
                hint=f"Use --size {samples}, or --allow-fewer to take what there is.",
            )
        if recipe.tokens is not None and tokens is not None and tokens < recipe.tokens:
            raise TooFewSamples(
                f"{recipe.tokens:,} tokens were asked for, {there_are} {tokens:,}",
                hint=f"Use --tokens {tokens}, or --allow-fewer to take what there is.",
            )

    def _counts(self) -> Positions:
        return np.asarray(self._pool.samples["tokens"].to_numpy(zero_copy_only=False), np.int64)

    def _all_tokens(self) -> int | None:
        return int(self._counts().sum()) if self._recipe.tokens is not None else None

    def _goal(self) -> Goal:
        if self._recipe.tokens is None:
            return Goal(self._recipe.size, None)
        return Goal(None, self._recipe.tokens, self._counts())

    def _likely_size(self) -> int:
        """Return how many samples it will be, or about that with a token budget."""
        if self._recipe.size is not None:
            return min(self._recipe.size, len(self._ids))
        mean = max(float(self._counts().mean()), 1.0)
        return min(int((self._recipe.tokens or 0) / mean * 1.2) + 1, len(self._ids))

    def _run(self, size: int | None) -> pa.Table:
        """Run the rule for a size."""
        relations = self._provision.relations(size)
        query, what = self._rule.query, self._rule.query.name
        if self._rule.own:
            return members(self._run_own(size, relations), what, self._ids)
        given = {"size": size, "seed": self._recipe.seed}
        params = {name: value for name, value in given.items() if name in query.params}
        limit_ = self._home.settings.memory_limit
        with mapped_errors(self._home.path), scratch(relations, limit_) as reader:
            return members(reader.arrow(query, **params), what, self._ids)

    def _run_own(self, size: int | None, relations: dict[str, pa.Table]) -> pa.Table:
        """Run a user's SQL, with the functions that `catalog sql` has."""
        query = self._rule.query
        params = own_params(query, self._recipe, size)
        prepared = prepare(
            self._home,
            query,
            params,
            as_of=self._provision.as_of,
            among=self._ids,
            progress=self._provision.progress,
        )
        with Store(self._home, as_of=prepared.as_of).sandbox() as reader:
            prepared.register(reader)
            return run_own(reader, query, params, self._pool, relations)

    def _bars(self, order: Positions) -> list[Bar]:
        """Return the constraints, for a walk that comes to samples in this order."""
        recipe, bars = self._recipe, list[Bar]()
        if recipe.max_per_source is not None:
            bars.append(SourceCap(self._pool.samples["source"], recipe.max_per_source))
        if recipe.skip_near_duplicates is not None:
            vectors = Vectors(self._home, self._provision.the_space.space, "sample").lookup()
            bars.append(NearDuplicates(vectors, self._ids, order, recipe.skip_near_duplicates))
        return bars

    def _walk_down(self, *, constrained: bool) -> tuple[pa.Table, Goal]:
        """Walk down what the rule gives, as far as it takes."""
        size = len(self._ids) if constrained or self._rule.own else self._likely_size()
        while True:
            found = self._run(size).slice(0, size)
            order = np.searchsorted(self._ids, found["sample_id"].to_numpy())
            goal = self._goal()
            kept = walk_down(order, self._bars(order), goal)
            if goal.is_full or size >= len(self._ids):
                return found.take(pa.array(kept)), goal
            size = min(2 * size, len(self._ids))

    def _walk_lists(self) -> tuple[pa.Table, Goal]:
        """Walk the ranked lists themselves: a barred sample costs no turn there."""
        ranker, samples = self._provision.ranker, len(self._ids)
        limit = ranker.first_limit(self._likely_size())
        while True:
            orders, scores, queries = zip(*ranker.best_first(limit), strict=True)
            goal = self._goal()
            bars = self._bars(np.stack(orders, axis=1).ravel())
            try:
                chosen = walk_lists(orders, bars, goal, complete=limit >= samples)
            except TooShort:
                limit = min(2 * limit, samples)
                continue
            numbers, ranks, turns = np.array(chosen, np.int64).reshape(-1, 3).T
            rows = numbers * min(limit, samples) + ranks  # all lists are of one length
            kept = (np.concatenate(part)[rows] for part in (orders, scores, queries))
            found = ranker.places(numbers.astype(np.int32), ranks, *kept)
            found = found.append_column("turn", pa.array(turns))
            return members(found, self._rule.query.name, self._ids), goal
