"""The sql command: DuckDB's SQL over the catalog, and nothing else in reach."""

import filecmp
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from catalog.cli.frame import Session, common, pass_session
from catalog.cli.output import near, plain, print_json, print_table
from catalog.cli.progress import progress_bar
from catalog.errors import InvalidInput, OutputExists

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIXES = {
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".parquet": "parquet",
    ".txt": "table",
    "": "table",
}


@click.command("sql")
@click.argument("statement")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["table", "json", "jsonl", "csv", "parquet"]),
    help="How to write the rows.  [default: by the output's suffix, else table]",
)
@click.option("--output", type=click.Path(dir_okay=False), help="Write to this file.")
@click.option("--overwrite", is_flag=True, help="Replace the file if it holds something else.")
@common
@pass_session
def sql_command(
    session: Session, statement: str, format_name: str | None, output: str | None, overwrite: bool
) -> None:
    """Run one SELECT over the tables and views; STATEMENT may be - for standard input.

    Views: pool (samples to choose from), appearance (where samples came from), member (what
    snapshots hold), seen (what runs saw), score (what scorers say), contaminated, retired.
    `show all tables` lists the tables too.

    Functions that stand as tables: nearest('a text', k := 10) gives the pool's samples nearest to
    a text (sample_id, hash, score, rank); similarity('task') every sample's best score over a
    task's queries (sample_id, score, query_id); neighbor('task', k := 10) the nearest samples of
    each query (query_id, query_position, sample_id, score, rank). Scores are cosines, ranks begin
    with 0. With several spaces say space := 'name'; skip_missing := true leaves out samples
    without a vector.
    """
    form = format_name or form_of(output)
    text = sys.stdin.read() if statement == "-" else statement
    with progress_bar() as progress:
        table = session.open().sql(text, progress=progress).to_arrow()
    if session.json:
        return print_json({"rows": table.to_pylist()})
    if output is not None:
        return write_file(table, form, Path(output), overwrite)
    if form == "table":
        return print_table(table.to_pylist(), table.column_names)
    if form == "parquet" and sys.stdout.isatty():
        raise InvalidInput("Parquet is no text", hint="Name a file with --output.")
    with click.open_file("-", "wb") as stream:
        return _write(table, form, stream)


def form_of(output: str | None, *, ways: str = "Say which with --format, or use") -> str:
    """Return the format that a file's name asks for; `ways` begins the hint if it asks for none."""
    suffix = Path(output or "").suffix.lower()
    if suffix not in SUFFIXES:
        known = ", ".join(name for name in SUFFIXES if name)
        raise InvalidInput(
            f"the suffix {suffix!r} of {output} is no format",
            hint=f"{ways} one of {known}.",
        )
    return SUFFIXES[suffix]


def write_file(table: "pa.Table", form: str, path: Path, overwrite: bool) -> None:
    """Write a result to a file, whole or not at all."""
    aside = path.with_name(f".{path.name}.partial")
    try:
        with aside.open("wb") as stream:
            _write(table, form, stream)
        if path.exists() and not overwrite and not filecmp.cmp(path, aside, shallow=False):
            raise OutputExists(
                f"{path} exists and holds other content",
                hint="Use --overwrite to replace it, or another --output.",
            )
        aside.replace(path)
    except OSError as error:
        raise InvalidInput(
            f"cannot write {path}: {error}", hint="Name another --output."
        ) from error
    finally:
        aside.unlink(missing_ok=True)
    click.echo(f"{table.num_rows:,} rows in {near(path)}", err=True)


def _write(table: "pa.Table", form: str, stream: IO[bytes]) -> None:
    from pyarrow import csv
    from pyarrow import parquet as pq

    if form == "parquet":
        pq.write_table(table, stream)
    elif form == "csv":
        csv.write_csv(_flat(table), stream)
    elif form == "json":
        stream.write(_json_array(table))
    elif form == "jsonl":
        stream.writelines(row + b"\n" for row in _json_rows(table))
    else:
        stream.write(_text(table))


def _json_rows(table: "pa.Table") -> Iterator[bytes]:
    import json

    for batch in table.to_batches():
        for row in batch.to_pylist():
            yield json.dumps(plain(row), ensure_ascii=False).encode()


def _json_array(table: "pa.Table") -> bytes:
    """Return the rows as one JSON array, a row on a line."""
    return b"[" + b",\n ".join(_json_rows(table)) + b"]\n"


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
