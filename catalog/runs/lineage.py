"""Which run a run's model came from, and that nobody is their own ancestor."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import update

from catalog import schema
from catalog.home import Home
from catalog.store import Reader, Store, Transaction


def find_parent(reader: Reader, reference: str) -> tuple[int, int | None] | None:
    """Return the run and the step that `RUN` or `RUN:STEP` stands for; no step is its end."""
    found = _find(reader, reference)
    if found is not None:
        return found, None
    name, colon, step = reference.rpartition(":")
    found = _find(reader, name) if colon and step.isdecimal() and len(step) < 18 else None
    return None if found is None else (found, int(step))


def _find(reader: Reader, name: str) -> int | None:
    """Return a run by the name it has here, else by the one it has in its ledger."""
    row = reader.row(
        "select run_id from run where name = $name or manifest->>'run' = $name "
        "order by name = $name desc, run_id limit 1",
        name=name,
    )
    return None if row is None else int(row["run_id"])


def resolve_parents(home: Home, told: Collection[int]) -> list[str]:
    """Find the parents of runs whose ledgers name one that was not here before.

    Args:
        home: the catalog's.
        told: the keys of new runs: of those, what is wrong is worth a word.

    Returns:
        What is wrong: parents that are not here, and runs that would be their own ancestors.
    """
    problems = []
    with Store(home).read() as reader:
        ready = []
        for row in _waiting(reader):
            wrong = _problem(reader, row)
            if wrong is None:
                ready.append(row)
            elif row["run_id"] in told:
                problems.append(wrong)
    if ready:
        with Store(home).write("runs") as transaction:
            for row in ready:
                if wrong := _problem(transaction, row):
                    problems.append(wrong)
                else:
                    _resolve(transaction, row)
    return problems


def _problem(reader: Reader, row: Mapping[str, Any]) -> str | None:
    """Say why a run's parent cannot be told, if it cannot."""
    found = find_parent(reader, row["parent"])
    if found is None:
        return f"run {row['name']}: its parent {row['parent']} is not in this catalog"
    if row["run_id"] in ancestors(reader, found[0]):
        return f"run {row['name']}: its parent {row['parent']} was made from itself; left out"
    return None


def _waiting(reader: Reader) -> list[dict[str, Any]]:
    rows = reader.rows(
        "select run_id, name, manifest->'parent' as parent from run "
        "where parent_run_id is null and manifest->>'parent' is not null order by run_id"
    )
    for row in rows:
        row["parent"] = json.loads(row["parent"])
    return [row for row in rows if isinstance(row["parent"], str)]


def _resolve(transaction: Transaction, row: Mapping[str, Any]) -> None:
    parent, step = find_parent(transaction, row["parent"]) or (None, None)
    table = schema.run
    transaction.run(
        update(table)
        .where(table.c.run_id == row["run_id"])
        .values(parent_run_id=parent, parent_step=step)
    )


def ancestors(reader: Reader, run_id: int) -> list[int]:
    """Return a run and those that it came from, the nearest first."""
    found: list[int] = []
    here: int | None = run_id
    while here is not None and here not in found:
        found.append(here)
        row = reader.row("select parent_run_id from run where run_id = $r", r=here)
        here = row["parent_run_id"] if row else None
    return found
