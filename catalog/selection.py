"""A rule and what it needs become ordered members, each with the reason it was chosen."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from catalog.errors import InvalidInput, InvalidQuery, TooFewSamples, UnknownName
from catalog.home import Home
from catalog.model import NamedSpace
from catalog.pool import Pool, read_pool
from catalog.progress import Progress, Tick
from catalog.recipe import Recipe
from catalog.sql import Query, check, load, names
from catalog.store import Store, scratch
from catalog.tasks import task_queries

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


def choose(home: Home, recipe: Recipe, space: NamedSpace | None, progress: Progress) -> Selected:
    """Choose the members that a recipe asks for.

    Raises:
        TooFewSamples: there are fewer than asked for, and the recipe does not allow that.
        CatalogError: the rule, the condition or the space cannot be used; nothing is written.
    """
    if recipe.size is not None and recipe.size < 1:
        raise InvalidInput(f"size is {recipe.size}, expected at least 1")
    if recipe.sql is not None:
        found = _by_statement(Store(home), recipe)
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
    with scratch(relations, home.settings.memory_limit) as reader:
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
    """Walk ranked lists, cut short at first and doubled until the cut provably changes nothing.

    A sample beyond every cut would have a turn of at least limit times lists, so the result
    is exact once its last turn is smaller.
    """
    from catalog.ranking import Ranker  # torch, which other rules do not need

    if not recipe.tasks:
        raise InvalidInput(
            f"{recipe.method} selects for a task and none was given",
            hint="Name one with --task; `catalog tasks` lists them.",
        )
    if space is None:
        raise InvalidInput(f"{recipe.method} needs an embedding space")
    with Store(home).read() as reader:
        tasks = [task_queries(reader, reference) for reference in recipe.tasks]
    ranker = Ranker(home, space, pool, tasks, progress)
    samples, size = pool.samples.num_rows, min(recipe.size or 0, pool.samples.num_rows)
    limit = min(-(-2 * size // ranker.lists), samples)
    while True:
        ranking = ranker.rank(limit)
        progress(Tick("rank", None, {"samples": ranking.num_rows}))
        found = _run(home, query, params, {"pool": pool.samples, "ranking": ranking})
        whole = limit >= samples
        if whole or (len(found) == size and pc.max(found["turn"]).as_py() < limit * ranker.lists):
            return found
        limit = min(2 * limit, samples)


def _by_statement(store: Store, recipe: Recipe) -> Selected:
    """Run the user's own statement over the catalog."""
    query = check("the statement", recipe.sql or "")
    given = {**recipe.params}
    given |= {"size": recipe.size} if "size" in query.params and recipe.size else {}
    given |= {"seed": recipe.seed} if "seed" in query.params else {}
    if missing := sorted(query.params - given.keys()):
        raise InvalidInput(
            f"the statement has the parameter {missing[0]!r}, which was not given",
            hint=f"Give it with --param {missing[0]}=VALUE.",
        )
    if unused := sorted(recipe.params.keys() - query.params):
        raise InvalidInput(f"the statement has no parameter {unused[0]!r}")
    with store.sandbox() as reader:
        found = reader.arrow(query, **given)
        if "sample_id" not in found.column_names:
            raise InvalidQuery(
                f"the statement gives {', '.join(found.column_names)}, and no sample_id",
                hint="Select the column sample_id, from the view `pool` for one.",
            )
        _check_ids(reader.arrow("select sample_id from pool")["sample_id"], found["sample_id"])
        change_id = int(reader.value(load("show/pool_clock")))
    if "turn" in found.column_names:
        found = found.take(pc.sort_indices(found, [("turn", "ascending")]))
    members = _reasons(found)
    if recipe.size is not None:
        members = members.slice(0, recipe.size)
    return Selected(members, query.text, change_id)


def _check_ids(pool: pa.ChunkedArray, ids: pa.ChunkedArray) -> None:
    if not pa.types.is_integer(ids.type) or ids.null_count:
        raise InvalidQuery(
            f"the statement's sample_id is {ids.type} with {ids.null_count} nulls",
            hint="It must be the whole numbers of sample.sample_id, none null.",
        )
    ids = ids.cast(pa.int64())
    repeated = len(ids) - pc.count_distinct(ids).as_py()
    if repeated:
        raise InvalidQuery(
            f"the statement gives {repeated:,} samples more than once",
            hint="Join so that every sample has one row, or use `select distinct`.",
        )
    strange = ids.filter(pc.invert(pc.is_in(ids, value_set=pool)))
    if len(strange):
        raise InvalidQuery(
            f"the statement gives {len(strange):,} sample_ids that are not in the pool, such as "
            f"{strange[0].as_py()}",
            hint="They do not exist or are retired; select from the view `pool`.",
        )


def _reasons(found: pa.Table) -> pa.Table:
    """Bring what a rule gave into the columns that are kept; those it did not give are null."""
    columns = {}
    for name, kind in REASONS.items():
        if name in found.column_names:
            try:
                columns[name] = found[name].cast(kind)
            except pa.ArrowInvalid as error:
                raise InvalidQuery(
                    f"the statement's {name} is {found[name].type}: {error}",
                    hint=f"It is kept as {kind}: cast it, or name the column otherwise.",
                ) from error
        else:
            columns[name] = pa.nulls(len(found), kind)
    return pa.table(columns)
