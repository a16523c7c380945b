"""Every shipped statement says what it is, and runs on an empty home."""

import re
from pathlib import Path

import pyarrow as pa
import pytest

import catalog
from catalog import Catalog
from catalog.sql import Query, folder, load
from catalog.store import Store, scratch
from catalog.views import VIEWS

NAMES = sorted(f"{path.parent.name}/{path.stem}" for path in folder(".").glob("*/*.sql"))
VALUES: dict[str, object] = {
    "integer": 1,
    "boolean": True,
    "text": "x",
    "list of integer": [1],
    "list of text": ["/x"],
    "text or null": None,
    "integer or null": None,
    "timestamp": "2024-01-01 00:00:00",
}
COLUMNS = {
    "content_hash": pa.binary(),
    "score": pa.float32(),
    "truncated": pa.bool_(),
    "broken": pa.bool_(),
    "number": pa.float64(),
    "messages": pa.list_(pa.struct({"role": "string", "content": "string", "extra": "string"})),
    **dict.fromkeys(("repeated", "applied", "contributed", "effective", "has_loss"), pa.bool_()),
    "sources": pa.list_(pa.string()),
    **dict.fromkeys(
        ("raw", "key", "text", "label", "verdict", "id", "dataset", "query"),
        pa.string(),
    ),
    **dict.fromkeys(
        ("source", "task", "external_id", "entry", "tools", "metadata", "file", "format"),
        pa.string(),
    ),
}
"""Columns of relations that statements need, where they are no whole numbers."""

SETS = {"sets": {"kind": "text", "part": "text"}, "whole": {}, "source_sets": {}}
"""Relations of sets of samples, and the types of their columns that are none."""

STAGED = [
    *("ordinal", "content_hash", "order_key", "messages", "tools", "turns", "characters"),
    *("external_id", "source", "format", "file", "line", "metadata", "sample_id"),
]
"""What relations of ingest have, whose headers do not list it all."""


def header(query: Query) -> dict[str, str]:
    """The fields of a statement's header."""
    lines = [line[2:].strip() for line in query.text.splitlines() if line.startswith("--")]
    fields = [line.partition(": ") for line in lines]
    return {name: value for name, _, value in fields if name in ("grain", "params", "needs")}


def params(query: Query) -> dict[str, str]:
    """The type of every parameter that the header names."""
    return dict(re.findall(r"(\w+) \(([^)]+)\)", header(query).get("params", "")))


def relations(query: Query) -> dict[str, pa.Table]:
    """An empty relation for each that the statement needs."""
    found = {}
    for name, listed in re.findall(r"(\w+) \(([^)]+)\)", header(query).get("needs", "")):
        whole = name in ("staged", "arrived", "fresh")
        columns = STAGED if whole else [column.strip() for column in listed.split(",")]
        fields = [(column, COLUMNS.get(column, pa.int64())) for column in columns]
        found[name] = pa.schema(fields).empty_table()
    return found


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return catalog.init(tmp_path_factory.mktemp("empty") / "home")


@pytest.mark.parametrize("name", NAMES)
def test_a_statement_says_its_grain_its_parameters_and_its_needs(name: str) -> None:
    query = load(name)
    assert header(query)["grain"]
    assert params(query).keys() == query.params
    assert relations(query).keys() == query.needs
    assert query.summary.endswith(".")


@pytest.mark.parametrize("name", NAMES)
def test_a_statement_runs_on_an_empty_home(empty: Catalog, name: str) -> None:
    query = load(name)
    given = {key: VALUES[kind] for key, kind in params(query).items()}
    if name.startswith("select/"):  # a rule sees its relations and nothing else
        with scratch(relations(query), "100MB") as reader:
            found = reader.arrow(query, **given)
    else:
        with Store(empty.home).read() as reader:
            for relation, table in relations(query).items():
                if relation in SETS:  # strings of bits, which Arrow has none of
                    columns = (
                        f"null::{SETS[relation].get(n, 'bit')} as {n}" for n in table.schema.names
                    )
                    reader.make(relation, f"select {', '.join(columns)} limit 0")
                else:
                    reader.register(relation, table)
            found = reader.arrow(query, **given)
    one_at_least = re.match(r"one row(?! per)", header(query)["grain"])
    assert found.num_rows == (1 if one_at_least else 0)


def test_every_view_is_a_documented_statement() -> None:
    assert {f"view/{view}" for view in VIEWS} == {n for n in NAMES if n.startswith("view/")}


def test_statements_are_in_lower_case() -> None:
    loud = re.compile(r"\b(SELECT|FROM|WHERE|JOIN|GROUP BY|ORDER BY|WITH|AS)\b")
    for path in Path(folder(".")).glob("*/*.sql"):
        text = path.read_text(encoding="utf-8")
        code = [line for line in text.splitlines() if not line.startswith("--")]
        assert not loud.search("\n".join(code)), path
        assert text.endswith("\n"), path
