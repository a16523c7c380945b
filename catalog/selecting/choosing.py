"""A rule and what it needs become ordered members, each with the reason it was chosen."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from catalog.connection import mapped_errors
from catalog.errors import InvalidInput, InvalidQuery, TooFewSamples, UnknownName
from catalog.home import Home
from catalog.model import NamedSpace
from catalog.progress import Progress, Tick
from catalog.recipe import Recipe
from catalog.selecting.pool import Pool, read_pool
from catalog.spaces import pool_ids
from catalog.sql import Query, check, load, names
from catalog.store import Store, scratch
from catalog.tasks import task_queries
from catalog.vectors import Ids

REASONS = {
    "sample_id": pa.int64(),
    "score": pa.float32(),
    "task": pa.string(),
    "query_id": pa.int64(),
    "rank": pa.int64(),
    "turn": pa.int64(),
}


@dataclass(frozen=True)
class Selected:
    """What a selection gave.

    Attributes:
        members: sample_id, score, task, query_id, rank, turn; one row per member, in order.
        rule: the statement that chose them.
        pool_change_id: the last change of the pool it chose from.
    """

    members: pa.Table
    rule: str
    pool_change_id: int


def rule(method: str) -> Query:
    """Return the rule of this name.

    Raises:
        UnknownName: there is none.
    """
    if method not in names("select"):
        raise UnknownName.among("method", method, names("select"))
    return load(f"select/{method}")


def choose(
    home: Home,
    recipe: Recipe,
    space: NamedSpace | None,
    progress: Progress,
    *,
    as_of: int | None = None,
) -> Selected:
    """Choose the members that a recipe asks for; nothing is written.

    Args:
        home: whose pool it is.
        recipe: what is asked for.
        space: that the recipe's contract stands for here.
        progress: is told how far scoring is.
        as_of: choose from the pool as it was after this change; None is now.

    Raises:
        TooFewSamples: there are fewer than asked for, and the recipe does not allow that.
        CatalogError: the rule, the condition or the space cannot be used; nothing is written.
    """
    if recipe.sql is not None:
        found = _by_statement(home, recipe)
    else:
        found = _by_rule(home, recipe, space, progress)
    _require_size(found.members.num_rows, recipe)
    return found


def _require_size(found: int, recipe: Recipe) -> None:
    if found == 0:
        raise TooFewSamples(
            "no sample is left to select",
            hint="Widen the condition, or ingest samples with `catalog ingest`.",
        )
    if recipe.size is not None and found < recipe.size and not recipe.allow_fewer:
        raise TooFewSamples(
            f"{recipe.size:,} samples were asked for, there are {found:,}",
            hint=f"Use --size {found}, or --allow-fewer to take what there is.",
        )


def _by_rule(home: Home, recipe: Recipe, space: NamedSpace | None, progress: Progress) -> Selected:
    query = rule(recipe.method)
    if recipe.size is None:
        raise InvalidInput("no size was given", hint="Say how many samples with --size.")
    pool = read_pool(Store(home), recipe.where, space)
    _require_size(pool.samples.num_rows, recipe)
    params = {
        name: value
        for name, value in {"size": recipe.size, "seed": recipe.seed}.items()
        if name in query.params
    }
    if "ranking" not in query.needs:
        found = _run(home, query, params, {"pool": pool.samples})
    else:
        found = _run_ranked(home, query, params, pool, recipe, space, progress)
    return Selected(_reasons(found), query.text, pool.change_id)


def _run(
    home: Home, query: Query, params: Mapping[str, object], relations: Mapping[str, pa.Table]
) -> pa.Table:
    with mapped_errors(home.path), scratch(relations, home.settings.memory_limit) as reader:
        return reader.arrow(query, **params)


def _run_ranked(
    home: Home,
    query: Query,
    params: Mapping[str, object],
    pool: Pool,
    recipe: Recipe,
    space: NamedSpace | None,
    progress: Progress,
) -> pa.Table:
    """Walk ranked lists, cut short at first, and doubled until they give enough members.

    Enough are the right ones: a sample beyond every cut has a turn of at least limit times lists,
    and whatever is found within them has a smaller one.
    """
    from catalog.selecting.ranking import Ranker  # torch, which other rules do not need

    if not recipe.tasks:
        raise InvalidInput(
            f"{recipe.method} selects for a task and none was given",
            hint="Name one with --task; `catalog tasks` lists them.",
        )
    if space is None:
        raise InvalidInput(
            f"{recipe.method} needs an embedding space and the recipe names none",
            hint="Name one with --space.",
        )
    with Store(home).read() as reader:
        tasks = [task_queries(reader, reference) for reference in recipe.tasks]
    ranker = Ranker(home, space, pool, tasks, progress)
    samples, size = pool.samples.num_rows, min(recipe.size or 0, pool.samples.num_rows)
    limit = min(-(-2 * size // ranker.lists), samples)
    while True:
        ranking = ranker.rank(limit)
        progress(Tick("rank", None, {"samples": ranking.num_rows}))
        found = _run(home, query, params, {"pool": pool.samples, "ranking": ranking})
        if len(found) == size or limit >= samples:
            return found
        limit = min(2 * limit, samples)


def _by_statement(home: Home, recipe: Recipe) -> Selected:
    """Run the user's own statement over the catalog."""
    query = check("the statement", recipe.sql or "")
    params = _params(query, recipe)
    with Store(home).sandbox() as reader:
        found = _named(reader.arrow(query, **params))
        pool = pool_ids(reader)
        change_id = int(reader.value(load("show/pool_clock")))
    members = _reasons(found)
    _check_ids(members["sample_id"], pool)
    if "turn" in found.column_names:
        members = members.take(pc.sort_indices(members, [("turn", "ascending")]))
    return Selected(members.slice(0, recipe.size), query.text, change_id)


def _params(query: Query, recipe: Recipe) -> dict[str, object]:
    """Return the statement's parameters: the user's, and the recipe's size and seed."""
    own = {"size": recipe.size, "seed": recipe.seed}
    if twice := [name for name, value in own.items() if value and name in recipe.params]:
        raise InvalidInput(f"{twice[0]} is given twice", hint=f"Leave --param {twice[0]} out.")
    if unused := sorted(recipe.params.keys() - query.params):
        raise InvalidInput(
            f"the statement has no parameter {unused[0]!r}",
            hint=f"Its parameters: {', '.join(sorted(query.params)) or 'none'}.",
        )
    given: dict[str, object] = {**own, **recipe.params}
    given = {name: value for name, value in given.items() if value is not None}
    if missing := sorted(query.params - given.keys()):
        flag = "--size N" if missing[0] == "size" else f"--param {missing[0]}=VALUE"
        raise InvalidInput(
            f"the statement has the parameter {missing[0]!r}, which was not given",
            hint=f"Give it with {flag}.",
        )
    return {name: given[name] for name in query.params}


def _named(found: pa.Table) -> pa.Table:
    """Return what a statement gave, its columns known by lower-case names, each at most once."""
    found = found.rename_columns([name.lower() for name in found.column_names])
    for name in REASONS:
        if found.column_names.count(name) > 1:
            raise InvalidQuery(
                f"the statement gives {name} {found.column_names.count(name)} times",
                hint="Select the columns by name rather than with a star, or rename one.",
            )
    if "sample_id" not in found.column_names:
        raise InvalidQuery(
            f"the statement gives {', '.join(found.column_names)}, and no sample_id",
            hint="Select the column sample_id, from the view `pool` for one.",
        )
    ids = found["sample_id"]
    if not pa.types.is_integer(ids.type) or ids.null_count:
        raise InvalidQuery(
            f"the statement's sample_id is {ids.type} with {ids.null_count} nulls",
            hint="It must be the whole numbers of sample.sample_id, none null.",
        )
    return found


def _check_ids(ids: pa.ChunkedArray, pool: Ids) -> None:
    if repeated := len(ids) - pc.count_distinct(ids).as_py():
        raise InvalidQuery(
            f"the statement gives {repeated:,} samples more than once",
            hint="Join so that every sample has one row, or use `select distinct`.",
        )
    strange = ids.filter(pc.invert(pc.is_in(ids, value_set=pa.array(pool))))
    if len(strange):
        raise InvalidQuery(
            f"the statement gives {len(strange):,} sample_ids that are not in the pool, such as "
            f"{strange[0].as_py()}",
            hint="They do not exist or are retired; select from the view `pool`.",
        )


def _reasons(found: pa.Table) -> pa.Table:
    """Bring what a rule gave into the columns that are kept; those it did not give are null.

    Raises:
        InvalidQuery: a column has another kind of value, or a score is infinite or no number.
    """
    columns = {}
    for name, kind in REASONS.items():
        if name not in found.column_names:
            columns[name] = pa.nulls(len(found), kind)
            continue
        try:
            columns[name] = found[name].cast(kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise InvalidQuery(
                f"the statement's {name} is {found[name].type}: {error}",
                hint=f"It is kept as {kind}: cast it, or name the column otherwise.",
            ) from error
    if not pc.all(pc.is_finite(columns["score"]), min_count=0).as_py():
        raise InvalidQuery(
            "the statement gives a score that is infinite or no number",
            hint="Leave those samples out, or give null.",
        )
    return pa.table(columns)
