"""Texts out of the tables, in one transaction; the file is written anew afterwards."""

from datetime import UTC, datetime

import pyarrow as pa

from catalog import schema
from catalog.purging.decisions import ERASED
from catalog.purging.sweeping import Repeats
from catalog.retire import relation
from catalog.sql import load
from catalog.store import Transaction
from catalog.vectors import Ids

IS_PURGED = "sample_id in (select sample_id from purge)"


def erase(transaction: Transaction, ids: Ids, repeats: Repeats) -> dict[str, int]:
    """Empty all that purged samples say, those purged before among them.

    Args:
        transaction: to write in.
        ids: retired samples to purge now; those that were restored meanwhile are left alone.
        repeats: where else their texts stand.

    Returns:
        How many rows were emptied, by what they are, and under `samples` how many samples.
    """
    done = {
        "samples": transaction.insert_select(
            schema.purge,
            f"select *, timestamptz '{datetime.now(UTC).isoformat()}' as purged_at "
            f"from (\n{load('purge/targets').text}\n)",
            chosen=relation(ids),
        )
    }
    for table, columns in ERASED.items():
        filled = " or ".join(
            f"{name} is distinct from {empty}" if empty != "null" else f"{name} is not null"
            for name, empty in columns.items()
        )
        put = ", ".join(f"{name} = {empty}" for name, empty in columns.items())
        done[f"{table} ({', '.join(columns)})"] = _run(
            transaction, f"update {table} set {put} where {IS_PURGED} and ({filled})"
        )
    done["rejection (detail, raw)"] = _empty_refused(transaction, repeats)
    for (table, column), values in repeats.replaced.items():
        done[f"{table} ({column})"] = _overwrite(transaction, table, column, values)
    return done


def _empty_refused(transaction: Transaction, repeats: Repeats) -> int:
    digests = pa.array(sorted(repeats.refused), pa.string())
    transaction.register("repeated", pa.table({"digest": digests}))
    sources = transaction.arrow(load("purge/whole_sources"))
    transaction.register("whole_source", sources)
    return _run(
        transaction,
        "update rejection set raw = '', detail = null where (raw != '' or detail is not null) and ("
        "md5(raw) in (select digest from repeated) or md5(detail) in (select digest from repeated) "
        "or source in (select source from whole_source))",
    )


def _overwrite(
    transaction: Transaction, table: str, column: str, values: dict[str, str | None]
) -> int:
    rows = {"old": list(values), "new": list(values.values())}
    transaction.register("overwritten", pa.table(rows, schema=_PAIR))
    return _run(
        transaction,
        f"update {table} set {column} = o.new from overwritten as o "
        f"where {table}.{column}::varchar = o.old",
    )


_PAIR = pa.schema([("old", pa.string()), ("new", pa.string())])


def _run(transaction: Transaction, statement: str) -> int:
    [(count,)] = transaction.connection.execute(statement).fetchall()
    return int(count)
