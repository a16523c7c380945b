"""A recipe becomes ordered members, each with the reason it was chosen; nothing is written here."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from catalog.connection import mapped_errors
from catalog.errors import InvalidInput, TooFewSamples
from catalog.home import Home
from catalog.model import NamedSpace
from catalog.progress import Progress, Tick
from catalog.recipe import Recipe
from catalog.selecting.bars import Bar, NearDuplicates, SourceCap
from catalog.selecting.exclusions import SampleList, excluded_ids
from catalog.selecting.members import members
from catalog.selecting.pool import Pool, read_pool
from catalog.selecting.provision import Provision, check_needs
from catalog.selecting.rules import LISTS, Rule, own_rule, the_rule
from catalog.selecting.statement import run_own
from catalog.selecting.walk import Goal, Positions, TooShort, walk_down, walk_lists
from catalog.sql import check
from catalog.store import Store, scratch
from catalog.vectors import Vectors

NO_LISTS: Mapping[str, SampleList] = {}
MARKED = "select distinct sample_id from contaminated"


@dataclass(frozen=True)
class Selected:
    """What a selection gave.

    Attributes:
        members: sample_id, score, task, query_id, rank, turn; one row per member, in order.
        rule: the statement that chose them.
        pool_change_id: the last change of the pool it chose from.
        notices: what the user should know of it.
    """

    members: pa.Table
    rule: str
    pool_change_id: int
    notices: tuple[str, ...] = ()


def choose(
    home: Home,
    recipe: Recipe,
    space: NamedSpace | None,
    progress: Progress,
    *,
    as_of: int | None = None,
    lists: Mapping[str, SampleList] = NO_LISTS,
) -> Selected:
    """Choose the members that a recipe asks for; nothing is written.

    Args:
        home: whose pool it is.
        recipe: what is asked for.
        space: that the recipe's contract stands for here.
        progress: is told how far scoring is.
        as_of: choose from the pool as it was after this change; None is now.
        lists: of samples to leave out, by digest, where they are not kept in the home yet.

    Raises:
        TooFewSamples: there are fewer than asked for, and the recipe does not allow that.
        CatalogError: the rule, the condition or the space cannot be used; nothing is written.
    """
    rule = rule_of(home, recipe)
    store = Store(home, as_of=as_of)
    pool = pool_of(home, recipe, space, as_of=as_of, lists=lists)
    provision = Provision(home, store, recipe, rule, space, pool, progress)
    with store.read() as reader:
        check_needs(rule, recipe, reader)
        whole_change_id = reader.clock()
    if rule.for_tasks:
        _ = provision.the_space, provision.tasks  # what is asked in vain is said before any work
    notices = provision.narrow()
    chosen = _Choice(provision).choose()
    change_id = whole_change_id if rule.own else pool.change_id
    return Selected(chosen, rule.query.text, change_id, tuple(notices))


def rule_of(home: Home, recipe: Recipe) -> Rule:
    """Return the rule that a recipe goes by.

    Raises:
        UnknownName: there is none of that name.
        InvalidInput: the recipe gives it what it does not take, or lacks what it needs.
    """
    if recipe.sql is not None:
        return Rule(check("the statement", recipe.sql), own=True)
    if recipe.rule is not None:
        rule = own_rule(recipe.method, recipe.rule)
    else:
        rule = the_rule(home, recipe.method)
    if recipe.size is None and recipe.tokens is None:
        raise InvalidInput(
            "no size was given",
            hint="Say how many samples with --size, or how many tokens with --tokens.",
        )
    if recipe.tasks and not rule.for_tasks and not rule.own:
        raise InvalidInput(
            f"{recipe.method} does not select for tasks",
            hint="Leave --task out, or use --method round_robin.",
        )
    if unknown := sorted(recipe.params.keys() - rule.query.params):
        raise InvalidInput(
            f"{recipe.method} has no parameter {unknown[0]!r}",
            hint=f"Its parameters: {', '.join(sorted(rule.query.params)) or 'none'}.",
        )
    return rule


def pool_of(
    home: Home,
    recipe: Recipe,
    space: NamedSpace | None,
    *,
    as_of: int | None = None,
    lists: Mapping[str, SampleList] = NO_LISTS,
) -> Pool:
    """Return the pool that a recipe chooses from: after its condition and all it leaves out."""
    pool = read_pool(Store(home, as_of=as_of), recipe.where, space)
    if recipe.not_in:
        with Store(home).read() as reader:  # what a recipe names may be younger than the pool
            pool = pool.without(excluded_ids(reader, recipe.not_in, lists))
    if recipe.exclude_contaminated:
        with Store(home, as_of=as_of).read() as reader:
            checked = reader.value("select count(*) from contamination_check")
            if not checked:
                raise InvalidInput(
                    "nothing was checked for contamination, so nothing is marked to be left out",
                    hint="Check with `catalog decontaminate` first.",
                )
            marked = np.asarray(reader.arrow(MARKED)["sample_id"].to_numpy())
        pool = pool.without(marked)
    return pool


class _Choice:
    """One selection at work."""

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
            found = self._closed_form(recipe.size)
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
                else f"not one sample fits into {recipe.tokens:,} tokens",
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

    def _run(self, size: int | None, limit: int = 0) -> pa.Table:
        """Run the rule for a size, its ranked lists cut at `limit` samples."""
        relations = self._provision.relations(limit)
        if LISTS in relations:
            self._provision.progress(Tick("rank", None, {"samples": len(relations[LISTS])}))
        query, what = self._rule.query, self._rule.query.name
        if self._rule.own:
            with self._provision.store.sandbox() as reader:
                found = run_own(reader, query, self._recipe, size, self._pool, relations)
            return members(found, what, self._ids)
        given = {"size": size, "seed": self._recipe.seed}
        params = {name: value for name, value in given.items() if name in query.params}
        limit_ = self._home.settings.memory_limit
        with mapped_errors(self._home.path), scratch(relations, limit_) as reader:
            return members(reader.arrow(query, **params), what, self._ids)

    def _closed_form(self, size: int | None) -> pa.Table:
        """Run the rule; lists are cut short at first, and doubled until they give enough members.

        Enough are the right ones: a sample beyond every cut has a turn of at least limit times
        lists, and whatever is found within them has a smaller one.
        """
        samples = len(self._ids)
        if LISTS not in self._rule.query.needs or size is None:
            return self._run(size, samples).slice(0, size)
        size = min(size, samples)
        limit = self._first_limit(size)
        while True:
            found = self._run(size, limit)
            if len(found) >= size or limit >= samples:
                return found.slice(0, size)
            limit = min(2 * limit, samples)

    def _first_limit(self, size: int) -> int:
        return min(-(-2 * size // self._provision.ranker.lists), len(self._ids))

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
            found = self._closed_form(size)
            order = np.searchsorted(self._ids, found["sample_id"].to_numpy())
            goal = self._goal()
            kept = walk_down(order, self._bars(order), goal)
            if goal.is_full or size >= len(self._ids):
                return found.take(pa.array(kept)), goal
            size = min(2 * size, len(self._ids))

    def _walk_lists(self) -> tuple[pa.Table, Goal]:
        """Walk the ranked lists themselves: a barred sample costs no turn there."""
        limit, samples = self._first_limit(self._likely_size()), len(self._ids)
        while True:
            ranking = self._provision.ranker.rank(limit)
            numbers = ranking["list"].to_numpy()
            order = np.searchsorted(self._ids, ranking["sample_id"].to_numpy())
            starts = np.searchsorted(numbers, np.arange(self._provision.ranker.lists + 1))
            rank = np.arange(len(order)) - starts[numbers]
            first = order[np.lexsort((numbers, rank))]
            lists = np.split(order, starts[1:-1])
            goal = self._goal()
            try:
                chosen = walk_lists(lists, self._bars(first), goal, complete=limit >= samples)
            except TooShort:
                limit = min(2 * limit, samples)
                continue
            picked = np.array(chosen, np.int64).reshape(-1, 3)
            rows = ranking.take(pa.array(starts[picked[:, 0]] + picked[:, 1]))
            rows = rows.append_column("rank", pa.array(picked[:, 1]))
            rows = rows.append_column("turn", pa.array(picked[:, 2]))
            return members(rows, self._rule.query.name, self._ids), goal
