"""A snapshot's recipe for today: its tasks at their newest revisions, all else as it was."""

from collections.abc import Callable
from dataclasses import replace

from catalog.errors import UnknownName
from catalog.model import EmbeddingSpace
from catalog.recipe import Recipe
from catalog.references import TaskReference
from catalog.scorers import differences, scorers
from catalog.snapshot import Snapshot
from catalog.store import Reader
from catalog.tasks import resolve


def like(reader: Reader, snapshot: Snapshot) -> Recipe:
    """Return the recipe of a snapshot as it is asked for on today's pool.

    Tasks move to their newest revisions. A rule of the user's, a statement, the samples left out
    and the parts of a mix stay what they were.

    Raises:
        UnknownName: something that the recipe uses is not here any more; all of it is named.
    """
    recipe = snapshot.recipe
    tasks, gone = [], []
    for reference in recipe.tasks:
        try:
            tasks.append(_newest(reader, reference))
        except UnknownName:
            gone.append(f"the task {reference.name} ({reference.role})")
    gone += [*_spaces_gone(reader, recipe), *_scorers_gone(reader, recipe)]
    gone += _holdings_gone(reader, recipe)
    if gone:
        raise UnknownName(
            f"{snapshot} was selected with what is not here: {', '.join(gone)}",
            hint=f"Bring it back, or change what `catalog show {snapshot} --recipe` prints and "
            "select with --recipe.",
        )
    return replace(recipe, tasks=tuple(tasks))


def _newest(reader: Reader, reference: TaskReference) -> TaskReference:
    return resolve(reader, f"{reference.name}:{reference.role}")


def _spaces_gone(reader: Reader, recipe: Recipe) -> list[str]:
    if recipe.space is None:
        return []
    wanted = EmbeddingSpace(**recipe.space)
    rows = reader.rows("select * from embedding_space")
    if any(not EmbeddingSpace.from_row(row).differences(wanted) for row in rows):
        return []
    return [f"the embedding space of {wanted.model} ({wanted.pooling}, {wanted.template})"]


def _scorers_gone(reader: Reader, recipe: Recipe) -> list[str]:
    known = {scorer.name: scorer.contract for scorer in scorers(reader)}
    return [
        f"the scorer {name}"
        for name, contract in recipe.scores.items()
        if name not in known or differences(known[name], contract)
    ]


def _holdings_gone(reader: Reader, recipe: Recipe) -> list[str]:
    """Name the snapshots and lists that are left out or mixed, and are not here."""

    def absent(statement: str) -> Callable[[str], bool]:
        return lambda digest: not reader.value(statement, digest=digest)

    no_snapshot = absent(
        "select count(*) from snapshot where digest = $digest and deleted_at is null"
    )
    no_list = absent("select count(*) from sample_list where digest = $digest")
    missing = {"snapshot": no_snapshot, "list": no_list}
    gone = [f"the {one.kind} {one.name}" for one in recipe.not_in if missing[one.kind](one.digest)]
    return gone + [f"the snapshot {p.snapshot}" for p in recipe.parts if no_snapshot(p.digest)]
