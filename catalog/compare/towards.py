"""How near samples are to the tasks that the compared snapshots were chosen for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from catalog.compare.facts import task_name
from catalog.compare.members import Numbers
from catalog.errors import UnknownName
from catalog.home import Home
from catalog.model import NamedSpace, TaskQueries
from catalog.progress import Progress, Tick
from catalog.recipe import Recipe
from catalog.store import Reader
from catalog.tasks import task_queries
from catalog.vectors import Floats, Ids, Vectors


@dataclass(frozen=True)
class Goal:
    """A task as a comparison calls it, and its queries."""

    name: str
    queries: TaskQueries


def goals(reader: Reader, recipes: Sequence[Recipe], tell: Callable[[str], None]) -> list[Goal]:
    """Return the tasks that some recipes select for, in the order in which they are named.

    Two revisions of a task are two tasks, each named with its own.
    """
    references = dict.fromkeys(task for recipe in recipes for task in recipe.tasks)
    found = []
    for reference in references:
        name = task_name(reference.name, reference.role)
        alike = [(one.name, one.role) for one in references]
        try:
            queries = task_queries(reader, reference)
        except UnknownName as error:
            tell(f"similarity to {name} was not measured: {error.message}")
            continue
        if alike.count((reference.name, reference.role)) > 1:
            name += f" (revision {queries.task.revision})"
        found.append(Goal(name, queries))
    return found


def towards(
    home: Home,
    named: NamedSpace,
    wanted: Sequence[Goal],
    ids: Ids,
    progress: Progress,
    tell: Callable[[str], None],
) -> dict[str, Numbers]:
    """Return by task every sample's best cosine to one of the task's queries.

    Args:
        home: where the vectors are.
        named: the space.
        wanted: the tasks.
        ids: of the samples, ascending.
        progress: is told how far scoring is.
        tell: is told what could not be measured.

    Returns:
        float64 (n,), not a number for a sample without a vector.
    """
    known, matrices = [], []
    for goal in wanted:
        try:
            matrices.append(Vectors(home, named.space, "query").of(goal.queries.query_ids))
            known.append(goal)
        except KeyError as error:
            tell(
                f"similarity to {goal.name} was not measured: {len(error.args[0])} of its queries "
                f"have no vector in {named.name}"
            )
    if not known or not len(ids):
        return {}
    return _best(
        Vectors(home, named.space, "sample"), known, np.concatenate(matrices), ids, progress
    )


def _best(
    vectors: Vectors, known: Sequence[Goal], matrix: Floats, ids: Ids, progress: Progress
) -> dict[str, Numbers]:
    from catalog.similarity import BestPerTask, score  # torch, which a comparison may do without

    best = BestPerTask([len(goal.queries.query_ids) for goal in known], len(ids))
    scored = 0

    def tick(rows: int) -> None:
        nonlocal scored
        scored += rows
        progress(Tick("score", scored / len(ids), {"samples": scored}))

    score(vectors, matrix, ids, best.add, tick)
    # A stored vector's length is 1 but for its rounding.
    scores64 = np.minimum(best.scores.astype(np.float64), 1.0)
    scores64[np.isneginf(scores64)] = np.nan
    return {goal.name: row for goal, row in zip(known, scores64, strict=True)}
