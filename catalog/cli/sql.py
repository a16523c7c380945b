"""The sql command: DuckDB's SQL over the catalog, and nothing else in reach."""

import sys
from typing import TYPE_CHECKING

import click

from catalog.cli.frame import Session, common, pass_session
from catalog.cli.output import near, plain, print_json, print_table
from catalog.errors import InvalidInput

if TYPE_CHECKING:
    import pyarrow as pa


@click.command("sql")
@click.argument("statement")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["table", "json", "csv", "parquet"]),
    default="table",
    show_default=True,
)
@click.option("--output", type=click.Path(dir_okay=False), help="Write to this file.")
@common
@pass_session
def sql_command(session: Session, statement: str, format_name: str, output: str | None) -> None:
    """Run one SELECT over the tables and views; STATEMENT may be - for standard input.

    Views: pool (samples to choose from), appearance (where samples came from), member (what
    snapshots hold), seen (what runs saw), retired. `show all tables` lists the tables too.
    """
    text = sys.stdin.read() if statement == "-" else statement
    table = session.open().sql(text).to_arrow()
    if session.json:
        return print_json({"rows": table.to_pylist()})
    if output is None and format_name == "table":
        return print_table(table.to_pylist(), table.column_names)
    return _write(table, format_name, output)


def _write(table: "pa.Table", format_name: str, output: str | None) -> None:
    """Write a result to a file, or to standard output."""
    from pyarrow import csv
    from pyarrow import parquet as pq

    if output is None and format_name == "parquet" and sys.stdout.isatty():
        raise InvalidInput("Parquet is no text", hint="Name a file with --output.")
    try:
        with click.open_file(output or "-", "wb", atomic=output is not None) as stream:
            if format_name == "parquet":
                pq.write_table(table, stream)
            elif format_name == "csv":
                csv.write_csv(_flat(table), stream)
            elif format_name == "json":
                stream.write(_json_lines(table))
            else:
                stream.write(_text(table))
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InvalidInput(f"cannot write {output}: {error}") from error
    if output is not None:
        click.echo(f"{table.num_rows:,} rows in {near(output)}", err=True)


def _json_lines(table: "pa.Table") -> bytes:
    """Return the rows as one JSON array, a row on a line."""
    import json

    rows = (json.dumps(plain(row), ensure_ascii=False) for row in table.to_pylist())
    return ("[" + ",\n ".join(rows) + "]\n").encode()


def _text(table: "pa.Table") -> bytes:
    from contextlib import redirect_stdout
    from io import StringIO

    with redirect_stdout(StringIO()) as text:
        print_table(table.to_pylist(), table.column_names)
    return text.getvalue().encode()


def _flat(table: "pa.Table") -> "pa.Table":
    """Return a table that CSV can hold: nested values as JSON, bytes in hexadecimal."""
    import json

    import pyarrow as pa

    for position, field in enumerate(table.schema):
        if pa.types.is_nested(field.type):
            values = [
                None if value is None else json.dumps(plain(value), ensure_ascii=False)
                for value in table.column(position).to_pylist()
            ]
        elif pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type):
            values = [value and value.hex() for value in table.column(position).to_pylist()]
        else:
            continue
        table = table.set_column(position, field.name, pa.array(values, pa.string()))
    return table
