"""Calls of the catalog's own table functions in a statement, found by DuckDB's own parser."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import duckdb

from catalog.errors import InvalidQuery
from catalog.sql import Query, inside, nodes
from catalog.store import Store

REQUIRED = object()

SIGNATURES: Mapping[str, Mapping[str, Any]] = {
    "nearest": {"text": REQUIRED, "k": 10, "space": None, "skip_missing": False},
    "similarity": {"task": REQUIRED, "space": None, "skip_missing": False},
    "neighbor": {"task": REQUIRED, "k": 10, "space": None, "skip_missing": False},
}
"""The functions, and the defaults of their arguments."""

TYPES: Mapping[str, tuple[type, str]] = {
    "text": (str, "a text"),
    "task": (str, "the name of a task"),
    "k": (int, "a whole number"),
    "space": (str, "the name of a space"),
    "skip_missing": (bool, "true or false"),
}


@dataclass(frozen=True)
class Call:
    """One function with the values of all its arguments: the same call twice is one."""

    function: str
    arguments: tuple[Any, ...]

    def value(self, name: str) -> Any:  # noqa: ANN401
        """Return the value of an argument."""
        return self.arguments[list(SIGNATURES[self.function]).index(name)]


def signature(function: str) -> str:
    """Return how a function is called.

    >>> signature("neighbor")
    'neighbor(task, k := 10, space := null, skip_missing := false)'
    """
    parts = [
        name if default is REQUIRED else f"{name} := {json.dumps(default)}"
        for name, default in SIGNATURES[function].items()
    ]
    return f"{function}({', '.join(parts)})"


def find_calls(query: Query) -> Sequence[dict[str, Any]]:
    """Return the calls in a statement as DuckDB's parser has them."""
    if not any(name in query.text.lower() for name in SIGNATURES):  # spares most statements it
        return ()
    return _calls_in(query.text)


@lru_cache(256)
def _calls_in(text: str) -> tuple[dict[str, Any], ...]:
    return tuple(
        node["function"]
        for node in nodes(text)
        if node.get("type") == "TABLE_FUNCTION"
        and node["function"]["qualified_name"]["path"][-1].lower() in SIGNATURES
        and len(node["function"]["qualified_name"]["path"]) == 1
    )


def bind(store: Store, found: Mapping[str, Any], params: Mapping[str, object]) -> Call:
    """Return a call with the values of its arguments.

    Args:
        store: of the catalog, which is asked what an argument that is no constant comes to.
        found: the call, from `find_calls`.
        params: of the statement.

    Raises:
        InvalidQuery: arguments are missing, too many, unknown, of another type, or no constants.
    """
    function = found["function_name"].lower()
    names = list(SIGNATURES[function])
    given: dict[str, Any] = {}
    for position, argument in enumerate(found["arguments"]):
        name = argument["name"].lower() or (names[position] if position < len(names) else "")
        if not name:
            raise _refused(function, f"takes {len(names)} arguments at most")
        if name not in names:
            raise _refused(function, f"takes no argument {name!r}")
        if name in given:
            raise _refused(function, f"{name} is given twice")
        given[name] = _value(store, function, name, argument["expression"], params)
    values = []
    for name, default in SIGNATURES[function].items():
        value = given.get(name, default)
        if value is REQUIRED:
            raise _refused(function, f"lacks its argument {name}")
        expected, described = TYPES[name]
        if type(value) is not expected and not (value is None and default is None):
            raise _refused(function, f"has {value!r} for {name}, expected {described}")
        values.append(value)
    return Call(function, tuple(values))


def _refused(function: str, why: str) -> InvalidQuery:
    return InvalidQuery(
        f"{function}() {why}",
        hint=f"It is {signature(function)}; `catalog sql --help` says what it gives.",
    )


def _value(
    store: Store,
    function: str,
    name: str,
    expression: Mapping[str, Any],
    params: Mapping[str, object],
) -> object:
    """Evaluate an argument: a constant, a parameter, or what can be computed of these."""
    used = {
        node["identifier"] for node in inside(expression) if node.get("type") == "VALUE_PARAMETER"
    }
    if unknown := sorted(used - params.keys()):
        raise InvalidQuery(
            f"the statement has the parameter {unknown[0]!r}, which was not given",
            hint="Give it a value.",
        )
    if (known := _plain(expression, params)) is not None:
        return known
    try:
        with store.read() as reader:
            tree = json.loads(reader.value("select json_serialize_sql('select 1')"))
            tree["statements"][0]["node"]["select_list"] = [{**expression, "alias": ""}]
            text = reader.value("select json_deserialize_sql($1::json)", **{"1": json.dumps(tree)})
            return reader.value(text, **{key: params[key] for key in used})
    except duckdb.Error as error:
        raise InvalidQuery(
            f"{function}() needs a constant for {name}: {str(error).splitlines()[0]}",
            hint=f"Write {name} out, or give it as a parameter such as ${name}; it cannot be a "
            "column.",
        ) from error


def _plain(expression: Mapping[str, Any], params: Mapping[str, object]) -> object:
    """Return a text or a number that stands there as it is; None if something is to be computed."""
    if expression.get("type") == "VALUE_PARAMETER":
        given = params[expression["identifier"]]
        return given if type(given) in (str, int) else None
    literal = expression.get("literal") or {}
    if literal.get("kind") == "INTEGER":
        return int(literal["text"])
    return literal["text"] if literal.get("kind") == "STRING" else None
