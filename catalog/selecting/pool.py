"""The pool as a selection sees it: every sample not retired, narrowed by the user's condition."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pyarrow as pa

from catalog.errors import InvalidQuery
from catalog.model import NamedSpace
from catalog.scorers import Scorer, scorers
from catalog.spaces import tokens_scorer
from catalog.sql import check, columns, load, require_steady
from catalog.store import Reader, Store
from catalog.vectors import Ids

POOL = """
select
    sample_id,
    order_key{extra}
from (
    select
        p.*{shown}
    from {relation} as p{joined}
) as sample_row
where (
{condition}
)
order by sample_id
"""
SCORES = """
    left join (
        select
            sample_id,
            {value} as "{name}"{more}
        from sample_score
        where scorer_id = {scorer_id}
    ) as score_{number} on score_{number}.sample_id = p.sample_id"""
COLUMNS = ("sample_id", "hash", "source", "sources", "turns", "characters", "messages", "tools")
"""What a condition may use, beside every scorer and, with a space, its token counts."""

TOKENS = ("tokens", "truncated")

FACTS = ("content_hash", "source", "tokens")
"""What may be read of every sample beside its id and its order key."""


@dataclass(frozen=True)
class Pool:
    """The samples a selection may choose from.

    Attributes:
        samples: sample_id, order_key, and of content_hash, source and tokens (null where not
            counted; only with a space) those that were asked for; ascending by sample_id.
        change_id: the last change that the pool holds.
    """

    samples: pa.Table
    change_id: int

    @property
    def ids(self) -> Ids:
        """Return the ids of the samples, int64, ascending."""
        return np.asarray(self.samples["sample_id"].to_numpy())

    def without(self, ids: Ids) -> "Pool":
        """Return the pool without some samples; ids that are not in it do not matter."""
        return self.where(~np.isin(self.ids, ids))

    def where(self, kept: np.typing.NDArray[np.bool_]) -> "Pool":
        """Return the pool of the samples marked true, bool (samples,)."""
        return replace(self, samples=self.samples.filter(pa.array(kept)))


@dataclass(frozen=True)
class _Joined:
    """A scorer as one column of the relation that conditions look at."""

    name: str
    scorer_id: int
    value: str
    more: str = ""


def read_pool(
    store: Store,
    where: str | None,
    space: NamedSpace | None,
    *,
    among: Literal["pool", "stock"] = "pool",
    facts: Collection[str] = FACTS,
) -> Pool:
    """Read the pool.

    Args:
        store: the catalog's.
        where: an SQL condition over one row per sample, or None for all. It may use the columns of
            the view `pool`, every scorer by its name, and with a space its `tokens`, `truncated`.
        space: whose token counts are wanted.
        among: the pool, or the stock: every sample, retired ones too.
        facts: what to read of every sample beside its id and key; each costs time and memory.

    Raises:
        InvalidQuery: the condition is no condition, or uses what is not there.
    """
    if where is not None:
        # Alone it must be one expression: what closes the bracket around it is no condition.
        check("the condition of --where", f"select 1 where (\n{where}\n)")
        check("the condition of --where", f"select\n{where}\n")
        require_steady("the condition of --where", f"select 1 where (\n{where}\n)")
    known: list[Scorer] = []
    try:
        with store.sandbox() as reader:
            known = scorers(reader)
            samples = reader.arrow(_statement(reader, where, space, known, among, facts))
            change_id = int(reader.value(load("show/pool_clock")))
    except InvalidQuery as error:
        raise _explained(error, where or "true", space, known) from error
    return Pool(samples, change_id)


def _statement(
    reader: Reader,
    where: str | None,
    space: NamedSpace | None,
    known: Sequence[Scorer],
    among: str,
    facts: Collection[str],
) -> str:
    """Return the statement that gives the pool; only scorers that are mentioned are joined."""
    mentioned = columns(where) if where is not None else []
    counted = space is not None and bool({*TOKENS} & {*mentioned, *facts})
    joined = []
    if space is not None and counted:
        joined.append(
            _Joined("tokens", tokens_scorer(reader, space), "value::bigint", ",\n truncated")
        )
    for scorer in known:
        if scorer.name in mentioned:
            texts = reader.value(
                "select count(label) > 0 from sample_score where scorer_id = $id",
                id=scorer.scorer_id,
            )
            joined.append(_Joined(scorer.name, scorer.scorer_id, "label" if texts else "value"))
    return POOL.format(
        relation=among,
        extra="".join(
            f",\n    {name}" for name in FACTS if name in facts and (counted or name != "tokens")
        ),
        shown="".join(
            f',\n        score_{number}."{column}"'
            for number, score in enumerate(joined)
            for column in ([score.name, "truncated"] if score.more else [score.name])
        ),
        joined="".join(
            SCORES.format(number=number, **vars(score)) for number, score in enumerate(joined)
        ),
        condition=where if where is not None else "true",
    )


def _explained(
    error: InvalidQuery, where: str, space: NamedSpace | None, known: Sequence[Scorer]
) -> InvalidQuery:
    """Say which column a condition got wrong, if that is what is wrong with it."""
    there = [*COLUMNS, *(TOKENS if space else ()), *(scorer.name for scorer in known)]
    strange = [column for column in columns(where) if column not in there]
    if "Binder Error" in error.message and strange:
        if strange[0] in TOKENS:
            return InvalidQuery(
                f"the condition of --where uses {strange[0]}, which every space has for itself",
                hint="Say in which space with --space.",
            )
        return InvalidQuery.column(strange[0], there)
    return InvalidQuery(
        f"the condition of --where: {error.message}", hint=f"Columns: {', '.join(there)}."
    )
