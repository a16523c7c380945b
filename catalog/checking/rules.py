"""The rules of the catalog, `queries/check/*.sql`: each is a statement that must give no row."""

from catalog.checking.fault import EXAMPLES, Fault, Faults
from catalog.errors import CatalogError
from catalog.home import Home
from catalog.sql import load
from catalog.store import Store

DEFAULT_MEND = "restore a backup that is whole (catalog restore DIR --home NEW)"
BROKEN_ROWS = """
select
    *,
    count(*) over () as broken_rows
from (
{rule}
)
limit {examples}
"""


def broken_rule(home: Home, name: str) -> Faults:
    """Give the fault, if a rule of the catalog is broken."""
    query = load(f"check/{name}")
    statement = BROKEN_ROWS.format(rule=query.text, examples=EXAMPLES)
    with Store(home).read() as reader:
        rows = reader.rows(statement)
    if rows:
        found = rows[0]["broken_rows"]
        shown = tuple(
            ", ".join(f"{key} {value}" for key, value in row.items() if key != "broken_rows")
            for row in rows
        )
        what = query.summary.removesuffix(" Must return no row.")
        yield Fault(f"check/{name}", what, query.mend or DEFAULT_MEND, found, shown)


def unreadable_text(home: Home) -> Faults:
    """Give the fault, if a block of the database that holds text is damaged."""
    try:
        with Store(home).read() as reader:
            reader.value(
                "select sum(list_sum(list_transform(messages, "
                "lambda m: coalesce(length(m.content), 0)))) from sample"
            )
            reader.value("select sum(length(raw)) from rejection")
            reader.value("select sum(length(messages::varchar)) from query")
    except CatalogError as error:
        yield Fault("database", error.message, error.hint or DEFAULT_MEND)
