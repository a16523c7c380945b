"""Embedding spaces as the catalog knows them, and which samples and queries lack vectors there."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from catalog.errors import SpaceMismatch, UnknownName
from catalog.home import Home
from catalog.model import EmbeddingSpace, NamedSpace, check_name
from catalog.sql import load
from catalog.store import Reader, Rows, Store, Transaction
from catalog.vectors import Ids, Vectors
from catalog.whitening import Derivation

TOKENS = "tokens"
"""The scorer that every space brings: how many tokens its model sees in a sample."""

FOLLOWS = {"template_hash": "template", "model_revision": "model"}
"""Fields that cannot but differ where another does: told only where they differ alone."""


def find_space(reader: Reader, name: str) -> NamedSpace | None:
    """Return a space by its name, or None."""
    row = reader.row("select * from embedding_space where name = $name", name=name)
    if row is None:
        return None
    return _of_row(row)


def _of_row(row: Mapping[str, Any]) -> NamedSpace:
    space = EmbeddingSpace.from_row(dict(row))
    return NamedSpace(row["space_id"], row["name"], space, row["location"])


def the_space(reader: Reader, name: str | None) -> NamedSpace:
    """Return a space by its name, or the only one there is.

    Raises:
        UnknownName: there is none of that name, or not exactly one.
    """
    return pick(all_spaces(reader), name)


def all_spaces(reader: Reader) -> dict[str, NamedSpace]:
    """Return every space by its name, in order of names."""
    rows = reader.rows("select * from embedding_space order by name")
    return {row["name"]: _of_row(row) for row in rows}


def pick(spaces: Mapping[str, NamedSpace], name: str | None) -> NamedSpace:
    """Return a space by its name, or the only one there is.

    Raises:
        UnknownName: there is none of that name, or not exactly one.
    """
    if name is None and len(spaces) != 1:
        raise UnknownName(
            f"{len(spaces)} embedding spaces to choose from, expected one",
            hint=f"Name one with --space: {', '.join(spaces)}."
            if spaces
            else "Make one with `catalog embed --space NAME`.",
        )
    found = spaces.get(next(iter(spaces)) if name is None else name)
    if found is None:
        raise UnknownName.among(
            "space", str(name), list(spaces), hint="Make one with `catalog embed --space NAME`."
        )
    return found


def add_space(
    transaction: Transaction, name: str, space: EmbeddingSpace, location: str
) -> NamedSpace:
    """Record a space under a name, or find it there with the same contract and move it.

    Raises:
        SpaceMismatch: the name stands for another contract; says in which fields.
    """
    from catalog import schema  # SQLAlchemy, which those who only read do without

    found = find_space(transaction, name)
    if found is not None:
        require_same(found, space)
        return _move(transaction, found, location)
    check_name(name)
    space_id = transaction.next_id(schema.embedding_space, "space_id")
    transaction.insert(
        schema.embedding_space,
        {
            "space_id": space_id,
            "name": name,
            **vars(space),
            "table_name": space.table_name,
            "location": location,
        },
    )
    transaction.insert(
        schema.scorer,
        {
            "scorer_id": transaction.next_id(schema.scorer),
            "name": TOKENS,
            "space_id": space_id,
            "contract": space.contract(),
        },
    )
    return NamedSpace(space_id, name, space, location)


def _move(transaction: Transaction, known: NamedSpace, location: str) -> NamedSpace:
    """Remember where the model was loaded from this time."""
    from sqlalchemy import update

    from catalog import schema

    table = schema.embedding_space
    if location != known.location:
        transaction.run(
            update(table).where(table.c.space_id == known.space_id).values(location=location)
        )
    return replace(known, location=location)


def require_same(known: NamedSpace, space: EmbeddingSpace) -> None:
    """Check that a contract is the one a name stands for.

    Raises:
        SpaceMismatch: it is not; says in which fields.
    """
    fields = known.space.differences(space)
    fields = [field for field in fields if FOLLOWS.get(field) not in fields]
    if fields:
        told = "; ".join(
            f"{field} is {getattr(known.space, field)!r}, asked for {getattr(space, field)!r}"
            for field in fields
        )
        raise SpaceMismatch(
            f"the space {known.name!r} has another contract: {told}",
            hint="Leave those options out to continue it, or choose another name for a new space.",
        )


def base_of(reader: Reader, named: NamedSpace) -> NamedSpace:
    """Return the space that a whitened space is made of.

    Raises:
        UnknownName: this home does not have it.
    """
    derivation = Derivation.read(named.space)
    table = derivation.base if derivation else named.space.table_name
    row = reader.row("select name from embedding_space where table_name = $table", table=table)
    if row is None:
        raise UnknownName(
            f"the space {named.name!r} is made of the space {table}, which this home does not have",
            hint="Restore a backup that has it.",
        )
    return the_space(reader, row["name"])


def overview(home: Home) -> Rows:
    """Return every space: its contract in short, what it holds, and what it lacks.

    Returns:
        The rows of `queries/show/spaces.sql`, and for each `made_of` (None if a model makes it),
        `queries`, `lacking_samples` (of the pool) and `lacking_queries` (of the newest revisions).
    """
    with Store(home).read() as reader:
        found = reader.rows(load("show/spaces"))
        spaces = [the_space(reader, row["name"]) for row in found]
        bases = [
            base_of(reader, named).name if named.space.derivation else None for named in spaces
        ]
        pool, queries = pool_ids(reader), query_ids(reader)
    for row, named, base in zip(found, spaces, bases, strict=True):
        asked = Vectors(home, named.space, "query")
        lacking = Vectors(home, named.space, "sample").missing(pool)
        row |= {
            "made_of": base,
            "queries": len(asked.facts()),
            "lacking_samples": len(lacking),
            "lacking_queries": len(asked.missing(queries)),
        }
    return found


def tokens_scorer(reader: Reader, named: NamedSpace) -> int:
    """Return the key under which a space's token counts are kept."""
    return int(
        reader.value(
            "select scorer_id from scorer where space_id = $space_id and name = $name",
            space_id=named.space_id,
            name=TOKENS,
        )
    )


def pool_ids(reader: Reader) -> Ids:
    """Return the ids of all samples in the pool, ascending."""
    return np.asarray(reader.arrow(load("embed/pool_ids"))["sample_id"].to_numpy())


def query_ids(reader: Reader) -> Ids:
    """Return the ids of the queries of every task's newest revision, ascending."""
    return np.asarray(reader.arrow(load("embed/query_ids"))["query_id"].to_numpy())
