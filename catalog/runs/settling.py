"""After an import: the attempts of a run, what is missing of it, and how much is covered."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Table, delete, update

from catalog import schema
from catalog.errors import InvalidInput
from catalog.home import Home
from catalog.ledger.folder import FINISHED
from catalog.runs.attempts import Claim, Reach, read_claims, tree
from catalog.runs.reading import LedgerFolder
from catalog.runs.segments import NAME
from catalog.sql import load
from catalog.store import Reader, Store, Transaction

MISSING = "missing"
"""The kind of segments that are not there, though their numbers were given."""
Claims = dict[int, dict[int, Claim]]


def settle(
    home: Home,
    run_id: int,
    run: str,
    folder: LedgerFolder,
    problems: list[str],
    *,
    anew: bool = False,
) -> None:
    """Bring what follows from a run's segments and claims up to date, in one transaction.

    Args:
        home: the catalog's.
        run_id: the run's key.
        run: its name in its ledger.
        folder: where its claims lie.
        problems: told of what is missing and of what does not fit together.
        anew: even if nothing came since it was done last.
    """
    claims, end = read_claims(folder, problems), _finished(folder, problems)
    with Store(home).read() as reader:
        if not anew and _is_settled(reader, run_id, claims, end):
            _tell(reader, run_id, run, claims, folder, problems)
            return
    with Store(home).write("runs") as transaction:
        if end:
            transaction.run(update(schema.run).where(schema.run.c.run_id == run_id).values(**end))
        missing, rows = _tell(transaction, run_id, run, claims, folder, problems)
        _replace(transaction, schema.ledger_segment, run_id, missing, kind=MISSING)
        _replace(transaction, schema.attempt, run_id, rows)
        covered = transaction.rows(load("runs/coverage"), run_id=run_id)
        _replace(transaction, schema.run_coverage, run_id, covered)


def _tell(
    reader: Reader,
    run_id: int,
    run: str,
    claims: Claims,
    folder: LedgerFolder,
    problems: list[str],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows of missing segments and of attempts, and tell what is wrong with them."""
    rows = reader.rows(
        "select name, kind from ledger_segment where run_id = $r order by name", r=run_id
    )
    gaps = missing([row["name"] for row in rows if row["kind"] != MISSING])
    for attempt, rank, first, last in gaps:
        numbers = f"segment {first} is" if first == last else f"segments {first} to {last} are"
        problems.append(f"{folder.path}: {numbers} missing of attempt {attempt}, rank {rank}")
    reached = {
        row["attempt"]: Reach(row["first_step"], row["last_step"])
        for row in reader.rows(load("runs/reach"), run_id=run_id)
    }
    known = _remembered(reader, run_id)
    for attempt, said in claims.items():
        known[attempt] = {**known.get(attempt, {}), **said}
    attempts = tree(run, known, reached, problems)
    return [row for gap in gaps for row in _gap_rows(run_id, gap)], [
        attempt.row(run_id) for attempt in attempts
    ]


def missing(names: Iterable[str]) -> list[tuple[int, int, int, int]]:
    """Return the gaps in the numbers of segments: attempt, rank, first and last number.

    >>> missing(["0000-00001-00000000.steps.arrow", "0000-00001-00000003.steps.arrow"])
    [(0, 1, 1, 2)]
    """
    numbers = defaultdict(list)
    for name in names:
        if match := NAME.fullmatch(name):
            numbers[int(match[1]), int(match[2])].append(int(match[3]))
    return [
        (attempt, rank, before + 1, after - 1)
        for (attempt, rank), found in sorted(numbers.items())
        for before, after in zip([-1, *sorted(found)], sorted(found), strict=False)
        if after - before > 1
    ]


def _gap_rows(run_id: int, gap: tuple[int, int, int, int]) -> list[dict[str, Any]]:
    attempt, rank, first, last = gap
    return [
        {
            "run_id": run_id,
            "name": f"{attempt:04d}-{rank:05d}-{first:08d}",
            "kind": MISSING,
            "attempt": attempt,
            "rank": rank,
            "digest": "",
            "rows": last - first + 1,
            "problem": "missing",
        }
    ]


def _remembered(reader: Reader, run_id: int) -> Claims:
    """Return the claims of earlier imports: the folder may be gone, or be one of several."""
    import json

    rows = reader.rows("select attempt, manifest from attempt where run_id = $r", r=run_id)
    found = {row["attempt"]: json.loads(row["manifest"]).get("claims", {}) for row in rows}
    return {
        attempt: {int(rank): claim for rank, claim in said.items()}
        for attempt, said in found.items()
    }


def _finished(folder: LedgerFolder, problems: list[str]) -> dict[str, Any]:
    """Return what the run's folder says of its end, if it has one."""
    if not any(listed.name == FINISHED for listed in folder.listed()):
        return {}
    try:
        said = folder.json(FINISHED)
        steps = said.get("steps")
        return {
            "finished_at": datetime.fromisoformat(said["finished_at"]),
            "final_step": steps if type(steps) is int and steps >= 0 else None,
        }
    except (InvalidInput, KeyError, TypeError, ValueError) as error:
        problems.append(f"{folder.path}/{FINISHED} does not say when the run ended: {error}")
        return {}


def _is_settled(reader: Reader, run_id: int, claims: Claims, end: Mapping[str, Any]) -> bool:
    """Tell whether nothing came since the run's coverage was computed."""
    row = reader.row(
        "select finished_at, "
        "(select min(change_id) from run_coverage where run_id = $r) as settled, "
        "(select max(change_id) from ledger_segment where run_id = $r) as newest "
        "from run where run_id = $r",
        r=run_id,
    )
    if row is None or (row["newest"] or 0) > (row["settled"] or 0):
        return False
    if end and row["finished_at"] != end["finished_at"]:
        return False
    known = _remembered(reader, run_id)
    return all(known.get(attempt, {}).items() >= said.items() for attempt, said in claims.items())


def _replace(
    transaction: Transaction,
    table: Table,
    run_id: int,
    rows: list[dict[str, Any]],
    **also: object,
) -> None:
    """Put these rows of a run in the place of those that were there."""
    conditions = [table.c[name] == value for name, value in {"run_id": run_id, **also}.items()]
    transaction.run(delete(table).where(*conditions))
    transaction.insert(table, *rows)
