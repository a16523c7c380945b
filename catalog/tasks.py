"""Tasks as a selection names them: `gsm8k`, or `gsm8k:heldout` for its test items, on purpose."""

from typing import get_args

from catalog.errors import InvalidInput, UnknownName
from catalog.model import Role, Task, TaskQueries
from catalog.references import TaskReference
from catalog.sql import load
from catalog.store import Reader


def resolve(reader: Reader, name: str) -> TaskReference:
    """Return the newest revision of the task that `name` or `name:role` stands for.

    Raises:
        UnknownName: there is none.
    """
    bare, colon, role = name.partition(":")
    if colon and role not in get_args(Role):
        raise InvalidInput(
            f"{name!r} names the role {role!r}", hint=f"Roles: {', '.join(get_args(Role))}."
        )
    wanted: Role = "heldout" if role == "heldout" else "select"
    row = reader.row(load("show/task"), name=bare, role=wanted)
    if row is None:
        known = reader.rows(load("show/tasks"))
        choices = [task["name"] for task in known if task["role"] == "select"]
        choices += [f"{task['name']}:heldout" for task in known if task["role"] == "heldout"]
        raise UnknownName.among(
            "task", name, choices, hint="Add one with `catalog tasks add NAME FILE`."
        )
    return TaskReference(bare, wanted, row["digest"])


def task_queries(reader: Reader, reference: TaskReference) -> TaskQueries:
    """Return a task's queries.

    Raises:
        UnknownName: this home has no task of that name with these queries.
    """
    rows = reader.rows(load("show/task_queries"), **vars(reference))
    if not rows:
        raise UnknownName(
            f"no task {reference.name!r} ({reference.role}) with the queries of digest "
            f"{reference.digest[:12]}",
            hint="Add the same query set with `catalog tasks add`, or select with --task.",
        )
    first = rows[0]
    task = Task(
        first["task_id"],
        reference.name,
        reference.role,
        first["revision"],
        reference.digest,
        first["query_count"],
    )
    return TaskQueries(task, tuple(row["query_id"] for row in rows))
