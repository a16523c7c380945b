"""Where else the text of samples stands in the database: refused rows, notes, errors."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from catalog.contamination.words import words
from catalog.home import Home
from catalog.purging.decisions import SWEPT
from catalog.purging.traces import LEAST_WORDS, Traces, leaves
from catalog.retire import relation
from catalog.schema import metadata
from catalog.sql import load, names
from catalog.store import Store
from catalog.vectors import Ids

GONE = "(purged)"
SAMPLES_AT_ONCE = 20_000
VALUES_AT_ONCE = 10_000


@dataclass
class Repeats:
    """What repeats purged texts, found by its content: rows may move meanwhile.

    Attributes:
        refused: digests (MD5) of the texts of refused rows, to be emptied.
        replaced: by table and column, what is overwritten and what takes its place.
    """

    refused: set[str] = field(default_factory=set)
    replaced: dict[tuple[str, str], dict[str, str | None]] = field(default_factory=dict)


def sweep(home: Home, ids: Ids) -> Repeats:
    """Look for the texts of samples in all that is free text; holds no lock while it compares."""
    found = Repeats()
    if not len(ids):
        return found
    after = ""
    while True:
        with Store(home).read() as reader:
            said = reader.arrow(load("purge/refused"), after=after, count=VALUES_AT_ONCE)
        if not len(said):
            break
        digests, values = said["digest"].to_pylist(), said["text"].to_pylist()
        after = digests[-1]
        repeated = hits(home, ids, Traces(values, cautious=True))
        found.refused.update(digests[number] for number in repeated)
    places = list(_places(home))
    traces = Traces([value for _, _, value in places], cautious=False)
    repeating = [places[number] for number in sorted(hits(home, ids, traces))]
    gone = _repeating_leaves(home, ids, repeating)
    for table, column, value in repeating:
        new = _without(table, column, value, gone)
        found.replaced.setdefault((table, column), {})[value] = new
    return found


def hits(home: Home, ids: Ids, traces: Traces) -> set[int]:
    """Return the numbers of the values that repeat what some samples say."""
    found: set[int] = set()
    for text in _texts(home, ids):
        found |= traces.find(text)
    return found


def _texts(home: Home, ids: Ids) -> Iterator[str]:
    """Give all that the samples say, a stretch of them at a time."""
    for start in range(0, len(ids), SAMPLES_AT_ONCE):
        with Store(home).read() as reader:
            reader.register("chosen", relation(ids[start : start + SAMPLES_AT_ONCE]))
            said = reader.arrow(load("purge/texts"))
        for text, escaped in zip(
            said["text"].to_pylist(), said["escaped"].to_pylist(), strict=True
        ):
            yield from _told(text) if escaped else [text]


def _told(value: str) -> Iterator[str]:
    """Give the texts in a JSON value that say something; kinds and numbers are in every row."""
    for text in leaves(json.loads(value)):
        if len(words(text)) >= LEAST_WORDS:
            yield text


def _places(home: Home) -> Iterator[tuple[str, str, str]]:
    """Give every distinct value of the columns that are swept, but for the rules as shipped."""
    shipped = {load(f"select/{name}").text for name in names("select")}
    with Store(home).read() as reader:
        for table, columns in SWEPT.items():
            own = " where sample_id in (select sample_id from retired)"
            for column in columns:
                rows = reader.rows(
                    f"select distinct {column}::varchar as value from {table}"
                    f"{own if table == 'sample_source' else ''} order by value"
                )
                values = [row["value"] for row in rows if row["value"]]
                yield from ((table, column, value) for value in values if value not in shipped)


def _is_json(table: str, column: str) -> bool:
    return str(metadata.tables[table].c[column].type) == "JSON"


def _repeating_leaves(home: Home, ids: Ids, places: list[tuple[str, str, str]]) -> set[str]:
    """Return those texts in JSON values that repeat what the samples say."""
    whole = (json.loads(value) for table, column, value in places if _is_json(table, column))
    texts = sorted({text for value in whole for text in leaves(value)})
    if not texts:
        return set()
    return {texts[number] for number in hits(home, ids, Traces(texts, cautious=False))}


def _without(table: str, column: str, value: str, gone: set[str]) -> str | None:
    """Return what takes a value's place: of JSON, only the texts in it that repeat something."""
    if _is_json(table, column):
        return json.dumps(_replaced(json.loads(value), gone), ensure_ascii=False)
    return None if metadata.tables[table].c[column].nullable else GONE


def _replaced(value: Any, gone: set[str]) -> Any:  # noqa: ANN401
    """Return a JSON value with some texts in it overwritten."""
    if isinstance(value, str):
        return GONE if value in gone else value
    if isinstance(value, dict):
        return {key: _replaced(item, gone) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, gone) for item in value]
    return value
