"""What a rule gave becomes members: ordered, checked, each with the reason it was chosen."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.errors import InvalidQuery
from catalog.vectors import Ids

REASONS = {
    "sample_id": pa.int64(),
    "score": pa.float32(),
    "task": pa.string(),
    "query_id": pa.int64(),
    "rank": pa.int64(),
    "turn": pa.int64(),
}
HINT = "Leave those samples out, or give null."


def members(found: pa.Table, what: str, pool: Ids) -> pa.Table:
    """Bring what a rule or statement gave into the columns that are kept; others are null.

    Args:
        found: rows with a sample_id, in order, or with a turn to order them by.
        what: gave it, for messages.
        pool: the ids it may choose from.

    Raises:
        InvalidQuery: it gives no sample_id, one twice, one that is not in the pool, or a reason
            of another kind.
    """
    found = _named(found, what)
    chosen = _reasons(found, what)
    _check_ids(chosen["sample_id"].to_numpy(), what, pool)
    if "turn" in found.column_names:
        chosen = chosen.take(pc.sort_indices(chosen, [("turn", "ascending")]))
    return chosen


def _named(found: pa.Table, what: str) -> pa.Table:
    """Return what was given, its columns known by lower-case names, each at most once."""
    found = found.rename_columns([name.lower() for name in found.column_names])
    for name in REASONS:
        if found.column_names.count(name) > 1:
            raise InvalidQuery(
                f"{what} gives {name} {found.column_names.count(name)} times",
                hint="Select the columns by name rather than with a star, or rename one.",
            )
    if "sample_id" not in found.column_names:
        raise InvalidQuery(
            f"{what} gives {', '.join(found.column_names)}, and no sample_id",
            hint="Select the column sample_id, from the view `pool` for one.",
        )
    ids = found["sample_id"]
    if not pa.types.is_integer(ids.type) or ids.null_count:
        raise InvalidQuery(
            f"{what}'s sample_id is {ids.type} with {ids.null_count} nulls",
            hint="It must be the whole numbers of sample.sample_id, none null.",
        )
    return found


def _check_ids(ids: Ids, what: str, pool: Ids) -> None:
    # Ids are dense: a mark for each takes less than sorting or hashing them.
    known = np.zeros(int(pool[-1]) + 1 if len(pool) else 1, np.bool_)
    known[pool] = True
    within = np.clip(ids, 0, len(known) - 1)
    inside = known[within] & (within == ids)
    if not inside.all():
        strange = ids[~inside]
        distinct = len(np.unique(ids))
    else:
        strange = ids[:0]
        known[:] = False
        known[ids] = True
        distinct = int(np.count_nonzero(known))
    if repeated := len(ids) - distinct:
        raise InvalidQuery(
            f"{what} gives {repeated:,} samples more than once",
            hint="Join so that every sample has one row, or use `select distinct`.",
        )
    if len(strange):
        raise InvalidQuery(
            f"{what} gives {len(strange):,} sample_ids that are not in the pool, such as "
            f"{strange[0]}",
            hint="They do not exist, are retired or left out; select from the view `pool`.",
        )


def _reasons(found: pa.Table, what: str) -> pa.Table:
    columns = {}
    for name, kind in REASONS.items():
        if name not in found.column_names:
            columns[name] = pa.nulls(len(found), kind)
            continue
        try:
            columns[name] = found[name].cast(kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise InvalidQuery(
                f"{what}'s {name} is {found[name].type}: {error}",
                hint=f"It is kept as {kind}: cast it, or name the column otherwise.",
            ) from error
    if not pc.all(pc.is_finite(columns["score"]), min_count=0).as_py():
        raise InvalidQuery(f"{what} gives a score that is infinite or no number", hint=HINT)
    return pa.table(columns)
