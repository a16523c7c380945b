"""Task files become query sets: examples of what a selection is to help with."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from catalog import schema
from catalog.api import Catalog
from catalog.contamination.warning import TaskWarning, warnings_of
from catalog.errors import InvalidInput, RefusedRows, TaskChanged
from catalog.identity import digest
from catalog.model import Role, Task
from catalog.progress import Progress, silent
from catalog.sql import load
from catalog.store import Reader, Store, Transaction
from ingest.inputs import find, recognise_format
from ingest.loading import MAX_ROW_BYTES
from ingest.staging import Plan, Staged, describe_refusal, read_staged, stage


@dataclass(frozen=True)
class TaskReport:
    """What adding a task did.

    Attributes:
        task: the query set as it is now.
        added: whether this call made it, or a revision of it.
        warnings: overlaps with held-out items, queries and the pool, and test items to select by.
    """

    task: Task
    added: bool
    warnings: list[TaskWarning] = field(default_factory=list)


def add_task(
    catalog: Catalog,
    name: str,
    path: str | Path,
    *,
    role: Role = "select",
    format: str = "auto",
    replace: bool = False,
    check: bool = True,
    progress: Progress = silent,
) -> TaskReport:
    """Add a query set; a query may lack its answer.

    What is added stays added, whatever a look at it shows, or if that is interrupted.

    Args:
        catalog: the catalog to add to.
        name: what the task is called.
        path: a file of any format that `load` reads.
        role: `select` to choose samples by, `heldout` for test items to keep away from.
        format: as for `load`.
        replace: make a new revision if the task exists with other queries.
        check: look for overlaps with held-out items and the pool, and warn.
        progress: is told how far that is.

    Raises:
        RefusedRows: a row cannot be used; nothing is added.
        TaskChanged: the task exists with other queries.
    """
    check_name(name)
    if role not in get_args(Role):
        raise InvalidInput(f"no role {role!r}", hint=f"Roles: {', '.join(get_args(Role))}.")
    with tempfile.TemporaryDirectory() as folder:
        staged = _stage(str(path), format, folder)
        paths = [block.path(folder, "rows") for block in staged if block.accepted]
        if not paths:
            raise InvalidInput(f"{path} holds no query", hint="Give a file with one query a row.")
        with Store(catalog.home).write("tasks") as transaction:
            transaction.register("staged", read_staged(paths))
            report = _add(transaction, name, role, str(path), replace)
    if not (report.added and check):
        return report
    return TaskReport(
        report.task, True, warnings_of(catalog.home, report.task, str(path), progress)
    )


def check_name(name: str) -> None:
    """Check that a name can be told from a name with a role or a version.

    Raises:
        InvalidInput: it cannot.
    """
    odd = any(mark in name for mark in ":@/") or not name.isprintable()
    if odd or not name or name != name.strip():
        raise InvalidInput(
            f"{name!r} cannot be a name", hint="Names are not empty and hold no : @ or /."
        )


def _stage(path: str, format: str, folder: str) -> list[Staged]:
    plan = Plan(folder, "task", MAX_ROW_BYTES, needs_answer=False)
    staged: list[Staged] = []
    for place in find([path]):
        format_name, _ = recognise_format(place, format, MAX_ROW_BYTES)
        for block in place.blocks(MAX_ROW_BYTES):
            staged.append(stage(block, len(staged), format_name, plan))
    refusals = [refusal for block in staged for refusal in block.first_refusals]
    if refusals:
        count = sum(block.reasons.total() for block in staged)
        raise RefusedRows(
            f"{count} queries cannot be used, the first at {describe_refusal(refusals[0])}",
            hint="Mend or remove them: a query set is taken whole or not at all.",
        )
    return staged


def _add(transaction: Transaction, name: str, role: Role, uri: str, replace: bool) -> TaskReport:
    hashes = transaction.rows("select content_hash from staged order by ordinal")
    identity = digest(row["content_hash"] for row in hashes)
    known = newest(transaction, name, role)
    if known and known.digest == identity:
        return TaskReport(known, added=False)
    if known and not replace:
        raise TaskChanged(
            f"task {name!r} ({role}) exists with {known.query_count} other queries",
            hint="Use --replace to make these its next revision.",
        )
    task = Task(
        transaction.next_id(schema.task),
        name,
        role,
        known.revision + 1 if known else 1,
        identity,
        len(hashes),
    )
    transaction.insert(schema.task, {**vars(task), "uri": uri})
    transaction.insert_select(
        schema.query,
        load("ingest/query"),
        {"task_id": task.task_id, "first_id": transaction.next_id(schema.query)},
    )
    return TaskReport(task, added=True)


def newest(reader: Reader, name: str, role: Role) -> Task | None:
    """Return the newest revision of a task, or None."""
    row = reader.row(load("show/task"), name=name, role=role)
    return Task(**row) if row else None
