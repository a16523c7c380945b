"""Run one statement on a DuckDB file as one would without the catalog: DATABASE STATEMENT."""

import sys

import click
import duckdb


def main(database: str, statement: str) -> None:
    """Run it and print how many rows it gave."""
    with duckdb.connect(database, read_only=True) as connection:
        click.echo(len(connection.execute(statement).fetchall()))


if __name__ == "__main__":
    main(*sys.argv[1:])
