"""The pool as a selection sees it: every sample not retired, narrowed by the user's condition."""

from dataclasses import dataclass

import pyarrow as pa

from catalog.errors import InvalidQuery
from catalog.model import NamedSpace
from catalog.sql import check, load
from catalog.store import Store

POOL = """
select
    sample_id,
    order_key,
    content_hash,
    source
from (
    {rows}
) as sample_row
where (
{condition}
)
order by sample_id
"""
WITHOUT_SPACE = "select * from pool"
WITH_SPACE = """
    select
        p.*,
        t.value::bigint as tokens,
        t.truncated
    from pool as p
    left join (
        select
            v.sample_id,
            v.value,
            v.truncated
        from sample_score as v
        join scorer as c on c.scorer_id = v.scorer_id and c.name = 'tokens'
        where c.space_id = $space_id
    ) as t on t.sample_id = p.sample_id
"""
COLUMNS = (
    "Columns: sample_id, hash, source, sources, turns, characters, messages, tools; with --space "
    "also tokens, truncated. Only samples that are not retired have a row."
)


@dataclass(frozen=True)
class Pool:
    """The samples a selection may choose from.

    Attributes:
        samples: sample_id, order_key, content_hash, source; ascending by sample_id.
        change_id: the last change that the pool holds.
    """

    samples: pa.Table
    change_id: int


def read_pool(store: Store, where: str | None, space: NamedSpace | None) -> Pool:
    """Read the pool.

    Args:
        store: the catalog's.
        where: an SQL condition over one row per sample, or None for all.
        space: whose token counts the condition may use.

    Raises:
        InvalidQuery: the condition is no condition, or uses what is not there.
    """
    rows = WITH_SPACE if space else WITHOUT_SPACE
    text = POOL.format(rows=rows, condition=where or "true")
    if where is not None:
        # Alone it must be one expression: what closes the bracket around it is no condition.
        check("the condition of --where", f"select 1 where (\n{where}\n)")
        check("the condition of --where", f"select\n{where}\n")
    params = {"space_id": space.space_id} if space else {}
    try:
        with store.sandbox() as reader:
            samples = reader.arrow(text, **params)
            change_id = int(reader.value(load("show/pool_clock")))
    except InvalidQuery as error:
        raise InvalidQuery(f"the condition of --where: {error.message}", hint=COLUMNS) from error
    return Pool(samples, change_id)
