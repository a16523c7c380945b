"""Copy a snapshot's text out of a home's database by SQL: DATABASE SNAPSHOT OUTPUT; prints rows.

By the output's name it is Parquet or JSON lines. DuckDB is as it comes: no limit of memory.
"""

import json
import sys

import click
import duckdb


def main(database: str, snapshot: str, output: str) -> None:
    """Write and count."""
    with duckdb.connect(database, read_only=True) as connection:
        [(snapshot_id,)] = connection.execute(
            "select snapshot_id from snapshot where name = $name", {"name": snapshot}
        ).fetchall()
        [(rows,)] = connection.execute(
            f"""
            copy (
                select
                    m.position,
                    s.content_hash,
                    s.messages,
                    s.tools,
                    m.score,
                    m.task,
                    m.rank
                from snapshot_member as m
                join sample as s on s.sample_id = m.sample_id
                where m.snapshot_id = {snapshot_id}
                order by m.position
            ) to '{output}' (format {"parquet" if output.endswith(".parquet") else "json"})
            """
        ).fetchall()
    click.echo(json.dumps({"rows": rows}))


if __name__ == "__main__":
    main(*sys.argv[1:])
