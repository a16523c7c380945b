"""Write the text of a home as zstd Parquet with DuckDB: DATABASE FILE; prints its bytes."""

import json
import sys
from pathlib import Path

import click
import duckdb


def main(database: str, file: str) -> None:
    """Write and measure."""
    with duckdb.connect(database, read_only=True) as connection:
        connection.execute(
            f"copy (select messages from sample) to '{file}' (format parquet, compression zstd)"
        )
    click.echo(json.dumps({"bytes": Path(file).stat().st_size}))


if __name__ == "__main__":
    main(*sys.argv[1:])
