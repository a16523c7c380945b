"""Which sample an item of a data set is: its content hash, wherever the item says it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from catalog.errors import InvalidInput
from catalog.home import Home
from catalog.identity import hash_of
from catalog.sql import load
from catalog.store import Store

HASH_BYTES = 32
MESSAGES = "messages"
KNOWN = ("content_hash", "catalog.content_hash")
"""Columns that hold content hashes: of `SnapshotDataset`, and of what `catalog export` writes."""


class Identity:
    """Tells of an item which sample it is.

    Args:
        column: what says it: a column of content hashes or of ids, a field of a column
            (`catalog.content_hash`), or `messages`, whose hash is computed.
        known: the content hash of each id, if the column holds ids.
    """

    def __init__(self, column: str, known: Mapping[str, bytes] | None = None) -> None:
        self.column, self._known = column, known
        self._path = column.split(".")
        self.columns = (MESSAGES, "tools") if column == MESSAGES else (self._path[0],)

    def __call__(self, item: Mapping[str, Any]) -> bytes | None:
        """Return the content hash of an item, 32 bytes; None if the item does not say.

        Raises:
            InvalidInput: what it says is no content hash.
        """
        if self.column == MESSAGES:
            messages = item.get(MESSAGES)
            return bytes.fromhex(hash_of(messages, item.get("tools"))) if messages else None
        found: Any = item
        for name in self._path:
            found = found.get(name) if isinstance(found, Mapping) else None
        if found is None:
            return None
        if self._known is not None:
            return self._known.get(str(found))
        return _hash(found, self.column)


def _hash(given: object, column: str) -> bytes:
    try:
        found = bytes.fromhex(given) if isinstance(given, str) else bytes(memoryview(given))  # type: ignore[arg-type]
    except (ValueError, TypeError):
        found = b""
    if len(found) != HASH_BYTES:
        raise InvalidInput(
            f"{given!r} in the column {column!r} is no content hash",
            hint="Give the home, so that it can be looked up as an id; or add a column of "
            "`catalog.content_hash(messages)`.",
        )
    return found


def identity_of(
    data: Any,  # noqa: ANN401
    id_column: str | None = None,
    home: str | Path | None = None,
) -> Identity:
    """Find out how the items of a data set say which sample they are.

    Args:
        data: a data set with items that are mappings.
        id_column: the column that says it; by default the first there is of `content_hash`,
            `catalog.content_hash`, `messages`, and `id`.
        home: the catalog's, to look ids up in that are no hashes.

    Raises:
        InvalidInput: the items say it nowhere, or name samples that the catalog does not know.
    """
    first = _first(data)
    if not isinstance(first, Mapping):
        raise InvalidInput(
            f"the data set's items are {type(first).__name__}, expected mappings",
            hint="Let it give dictionaries, one key of which is `content_hash`.",
        )
    if id_column is None:
        for column in (*KNOWN, MESSAGES):
            if Identity(column)(first) is not None:
                return Identity(column)
        id_column = "id"
    elif id_column == MESSAGES:
        return Identity(MESSAGES)
    if (given := _value(first, id_column)) is None:
        raise InvalidInput(
            f"the data set says nowhere which samples its items are: no {id_column!r} in "
            f"{', '.join(map(str, first)) or 'an empty data set'}",
            hint="Keep the column `catalog` of `catalog export`, or add a column `content_hash` "
            "of `catalog.content_hash(messages)`, or name a column of ids: id_column=…",
        )
    if _looks_hashed(given):
        return Identity(id_column)
    return Identity(id_column, _looked_up(data, id_column, home))


def _first(data: Any) -> Any:  # noqa: ANN401
    if hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        return data[0] if len(data) else {}
    return next(iter(data), {})  # a stream


def _value(item: Mapping[str, Any], column: str) -> Any:  # noqa: ANN401
    found: Any = item
    for name in column.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _looks_hashed(given: object) -> bool:
    try:
        return bool(_hash(given, ""))
    except InvalidInput:
        return False


def _looked_up(data: Any, column: str, home: str | Path | None) -> dict[str, bytes]:  # noqa: ANN401
    """Return the content hash of every id in a column.

    Raises:
        InvalidInput: there is no home to look in, or it does not know them.
    """
    if home is None:
        raise InvalidInput(
            f"{column!r} holds ids such as {_value(_first(data), column)!r}, and no home to look "
            "them up in was given",
            hint="Give home=…, or a column of `catalog.content_hash(messages)`.",
        )
    ids = sorted({str(given) for given in _values(data, column)})
    with Store(Home.at(home)).read() as reader:
        reader.register("wanted", pa.table({"external_id": pa.array(ids, pa.string())}))
        rows = reader.rows(load("runs/external_ids"))
    unclear = [row["external_id"] for row in rows if row["samples"] != 1]
    if unclear:
        raise InvalidInput(
            f"{len(unclear):,} of {len(ids):,} ids in {column!r} stand for no one sample of the "
            f"catalog: {', '.join(unclear[:5])}",
            hint="Ingest what they are of; or add a column of `catalog.content_hash(messages)`.",
        )
    return {row["external_id"]: bytes(row["content_hash"]) for row in rows}


def _values(data: Any, column: str) -> Sequence[Any]:  # noqa: ANN401
    if "." not in column and column in (getattr(data, "column_names", None) or ()):
        return list(data[column])
    if not hasattr(data, "__len__"):
        raise InvalidInput(
            f"the ids in {column!r} of a stream cannot be looked up before it is read",
            hint="Let it give a column of `catalog.content_hash(messages)`.",
        )
    return [_value(data[place], column) for place in range(len(data))]
