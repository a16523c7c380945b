"""Read JSON lines into a table of a new DuckDB file: DATABASE FILE…; prints how many rows."""

import json
import sys

import click
import duckdb


def main(database: str, files: list[str]) -> None:
    """Read and count."""
    with duckdb.connect(database) as connection:
        connection.execute("create table t as select * from read_json($files)", {"files": files})
        [(rows,)] = connection.execute("select count(*) from t").fetchall()
    click.echo(json.dumps({"rows": rows}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
