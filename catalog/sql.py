"""Statements kept as files: found, parsed and checked by DuckDB itself, never by a pattern."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb

from catalog.errors import InvalidQuery


@dataclass(frozen=True)
class Query:
    """One SELECT and what its header says of it.

    Attributes:
        name: where it comes from, for messages.
        text: the statement.
        summary: what it answers, the header's first lines.
        needs: relations that the engine must provide, by name.
        params: named parameters, as DuckDB's parser found them.
        mend: of a rule of the catalog, what to do where it is broken.
    """

    name: str
    text: str
    summary: str
    needs: frozenset[str]
    params: frozenset[str]
    mend: str = ""


def check(name: str, text: str) -> Query:
    """Return `text` as a `Query` if it is one SELECT.

    Raises:
        InvalidQuery: it does not parse, or is not exactly one SELECT.
    """
    try:
        statements = duckdb.extract_statements(text)
    except duckdb.Error as error:
        raise InvalidQuery(
            f"{name} does not parse: {error}", hint="DuckDB's SQL is expected."
        ) from error
    kinds = [statement.type.name for statement in statements]
    if kinds != ["SELECT"]:
        raise InvalidQuery(
            f"{name} holds {', '.join(kinds) or 'no statement'}, not one SELECT",
            hint="Give one SELECT; the catalog is changed only through its own commands.",
        )
    header = [line[2:].strip() for line in _header(text)]
    fields = dict(line.split(": ", 1) for line in header if line.partition(":")[0] in _FIELDS)
    summary = [line for line in header if line.partition(":")[0] not in _FIELDS]
    return Query(
        name,
        text,
        " ".join(summary),
        frozenset(
            need.split("(")[0].strip() for need in fields.get("needs", "").split(";") if need
        ),
        frozenset(statements[0].named_parameters),
        fields.get("mend", ""),
    )


def columns(condition: str) -> list[str]:
    """Return the names, in lower case, of the columns that a condition mentions, in its order.

    >>> columns("nll > 2 and (source = 'a' or Tokens is null)")
    ['nll', 'source', 'tokens']
    """
    found = [
        node["column_names"][-1].lower()
        for node in nodes(f"select 1 where (\n{condition}\n)")
        if node.get("class") == "COLUMN_REF"
    ]
    return list(dict.fromkeys(found))


def nodes(text: str) -> Iterator[dict[str, Any]]:
    """Give every node of a statement's syntax tree, as DuckDB's parser has it, in order."""
    with duckdb.connect() as connection:
        [(tree,)] = connection.execute("select json_serialize_sql($1)", [text]).fetchall()
    yield from inside(json.loads(tree))


def inside(tree: object) -> Iterator[dict[str, Any]]:
    """Give every node of a part of a syntax tree, in order."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(reversed(node.values()))
        elif isinstance(node, list):
            waiting.extend(reversed(node))


@cache
def _unsteady() -> frozenset[str]:
    """Return the functions that may give something else the next time."""
    with duckdb.connect() as connection:
        found = connection.execute(
            "select distinct function_name from duckdb_functions() "
            "where stability in ('VOLATILE', 'CONSISTENT_WITHIN_QUERY')"
        ).fetchall()
    # These stand without brackets, and are columns to the parser.
    keywords = ("current_timestamp", "current_time", "localtime", "localtimestamp")
    return frozenset({name for (name,) in found}.union(keywords))


def require_steady(what: str, text: str) -> None:
    """Check that a statement gives the same again on the same data.

    Raises:
        InvalidQuery: it calls chance or the clock.
    """
    for node in nodes(text):
        name = str(node.get("function_name") or (node.get("column_names") or [""])[0]).lower()
        kind = node.get("class")
        if kind in ("FUNCTION", "COLUMN_REF") and name in _unsteady():
            if kind == "COLUMN_REF" and len(node["column_names"]) > 1:
                continue
            raise InvalidQuery(
                f"{what} uses {name}, which gives something else each time",
                hint="Draw by md5($seed::varchar || hash), and write dates out.",
            )


_FIELDS = frozenset({"grain", "params", "needs", "mend"})


def _header(text: str) -> list[str]:
    lines = []
    for line in text.lstrip().splitlines():
        if not line.startswith("--"):
            break
        lines.append(line)
    return lines


def folder(kind: str) -> Path:
    """Return the folder of shipped statements of one kind (`select`, `audit`, `check`, …)."""
    return Path(str(files("queries"))) / kind


@cache
def load(name: str) -> Query:
    """Return the shipped statement of this name, such as `audit/sample`."""
    path = folder(name.split("/")[0]) / f"{name.split('/')[1]}.sql"
    return check(name, path.read_text(encoding="utf-8"))


def names(kind: str) -> list[str]:
    """Return the names of the shipped statements of one kind, sorted."""
    return sorted(path.stem for path in folder(kind).glob("*.sql"))
