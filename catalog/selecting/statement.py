"""A user's own SQL, as a rule or a statement: it may look at all of the catalog."""

from collections.abc import Mapping

import pyarrow as pa

from catalog.errors import InvalidInput, InvalidQuery
from catalog.recipe import Recipe
from catalog.scorers import scorers
from catalog.selecting.pool import Pool
from catalog.selecting.rules import PER_TASK
from catalog.spaces import TOKENS
from catalog.sql import Query, load
from catalog.store import Reader

NARROWED = """
create or replace temp view pool as
select w.*
from (
{whole}
) as w
semi join narrowed as n on n.sample_id = w.sample_id
order by w.order_key
"""
"""In an order of its own, so that a statement that asks for none gives the same again."""


def run_own(
    reader: Reader,
    query: Query,
    params: Mapping[str, object],
    pool: Pool,
    relations: Mapping[str, pa.Table],
) -> pa.Table:
    """Run a user's SQL where the view `pool` holds what the selection may choose from.

    Args:
        reader: a sandbox.
        query: the SQL.
        params: values of its parameters.
        pool: narrowed.
        relations: what else it needs, by name.

    Raises:
        InvalidQuery: DuckDB refuses it.
    """
    reader.register("narrowed", pool.samples.select(["sample_id"]))
    reader.connection.execute(NARROWED.format(whole=load("view/pool").text))
    for name, relation in relations.items():
        if name != "pool":
            reader.register(name, relation)
    try:
        return reader.arrow(query, **params)
    except Exception as error:
        for name in [*PER_TASK, TOKENS, *(one.name for one in scorers(reader))]:
            if f"Table with name {name} does not exist" in str(error):
                raise InvalidQuery(
                    f"{query.name} reads {name} and does not say that it needs it",
                    hint=f"Write `-- needs: {name}` into its first lines.",
                ) from error
        raise


def own_params(query: Query, recipe: Recipe, size: int | None) -> dict[str, object]:
    """Return the parameters of a user's SQL: the user's, the size and the recipe's seed.

    Raises:
        InvalidInput: they are not those that were given.
    """
    own = {"size": size, "seed": recipe.seed}
    if twice := [name for name, value in own.items() if value and name in recipe.params]:
        raise InvalidInput(f"{twice[0]} is given twice", hint=f"Leave --param {twice[0]} out.")
    what = query.name
    if unused := sorted(recipe.params.keys() - query.params):
        raise InvalidInput(
            f"{what} has no parameter {unused[0]!r}",
            hint=f"Its parameters: {', '.join(sorted(query.params)) or 'none'}.",
        )
    given: dict[str, object] = {**own, **recipe.params}
    given = {name: value for name, value in given.items() if value is not None}
    if missing := sorted(query.params - given.keys()):
        flag = "--size N" if missing[0] == "size" else f"--param {missing[0]}=VALUE"
        raise InvalidInput(
            f"{what} has the parameter {missing[0]!r}, which was not given",
            hint=f"Give it with {flag}.",
        )
    return {name: given[name] for name in query.params}
