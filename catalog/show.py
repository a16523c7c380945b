"""A snapshot as people look at it: its mix of sources, and why its first members were chosen."""

from dataclasses import dataclass
from typing import Any

from catalog.home import Home
from catalog.recipe import Recipe
from catalog.references import Part
from catalog.snapshot import Snapshot, find
from catalog.sql import load
from catalog.store import Store

Rows = list[dict[str, Any]]
PER_TASK = ("round_robin", "mean_max", "global_max")


@dataclass(frozen=True)
class SnapshotView:
    """What `show` shows.

    Attributes:
        snapshot: the snapshot itself.
        method: how its members were chosen, in words.
        sources: members by source, and the source's share of the pool today.
        first_members: the first few, with text, and the query that chose each.
        exports: where it was written to, the newest first.
    """

    snapshot: Snapshot
    method: str
    sources: Rows
    first_members: Rows
    exports: Rows


def show(home: Home, reference: str, *, members: int = 10) -> SnapshotView:
    """Look at a snapshot.

    Args:
        home: the catalog's.
        reference: `name@version`, or `name` for the newest.
        members: how many of its first members to give.
    """
    with Store(home).read() as reader:
        snapshot = find(home, reference)
        params = {"snapshot_id": snapshot.snapshot_id}
        sources = reader.rows(load("show/source_mix"), **params)
        first = reader.rows(load("show/first_members"), **params, count=members)
        exports = reader.rows(load("show/exports"), **params)
    return SnapshotView(snapshot, in_words(snapshot.recipe), sources, first, exports)


@dataclass(frozen=True)
class Marked:
    """How many members of a snapshot overlap a task's queries or held-out items.

    Attributes:
        checked: tasks that were checked, as `name` or `name:heldout`; if none, nothing is known.
        samples: members that are marked for any of them.
        tasks: members that are marked for each, those with none left out.
        unchecked: members that came after the newest check of some task.
    """

    checked: list[str]
    samples: int
    tasks: dict[str, int]
    unchecked: int

    @property
    def in_words(self) -> str:
        """Say it in one line."""
        if not self.checked:
            return "contamination: not checked (catalog decontaminate)"
        late = f"; {self.unchecked:,} came after a check: run it again" if self.unchecked else ""
        if not self.samples:
            sets = len(self.checked)
            return f"contamination: no member is marked ({sets} query sets checked){late}"
        listed = ", ".join(f"{task} {samples:,}" for task, samples in self.tasks.items())
        return (
            f"contamination: {self.samples:,} of the members are marked ({listed}); "
            f"leave such out with --exclude-contaminated{late}"
        )


def contamination(snapshot: Snapshot) -> Marked:
    """Tell how many members of a snapshot are marked now, by task."""
    with Store(snapshot.home).read() as reader:
        if not reader.value("select count(*) from contamination_check"):
            return Marked([], 0, {}, 0)  # as the query would find, after a look at every member
        rows = reader.rows(load("show/contamination"), snapshot_id=snapshot.snapshot_id)
    tasks = {_task_name(row): row["samples"] for row in rows if row["samples"]}
    return Marked(
        [_task_name(row) for row in rows],
        rows[0]["any_task"] if rows else 0,
        tasks,
        max((row["unchecked"] for row in rows), default=0),
    )


def _task_name(row: dict[str, Any]) -> str:
    return str(row["task"]) if row["role"] == "select" else f"{row['task']}:{row['role']}"


def in_words(recipe: Recipe) -> str:
    """Say how a recipe chooses; "RDS+" only for what the paper calls so."""
    if recipe.parts:
        amounts = (_amount(part) for part in recipe.parts)
        return f"mix of {', '.join(amounts)}, from the top of each"
    said = _rule_in_words(recipe)
    within = []
    if recipe.max_per_source is not None:
        within.append(f"at most {recipe.max_per_source:,} of a source")
    if recipe.skip_near_duplicates is not None:
        within.append(f"none nearer than {recipe.skip_near_duplicates:g} to an earlier one")
    if recipe.not_in:
        within.append(f"none of {', '.join(one.name for one in recipe.not_in)}")
    if recipe.exclude_contaminated:
        within.append("none that is marked as contaminated")
    return "; ".join([said, *within])


def _amount(part: Part) -> str:
    amount = f"{part.share:.4%}".rstrip("0%").rstrip(".") + "%" if part.share else f"{part.count:,}"
    return f"{amount} of {part.snapshot}"


def _rule_in_words(recipe: Recipe) -> str:
    if recipe.method not in PER_TASK or recipe.space is None:
        return recipe.method
    space = recipe.space
    states = f"{space['pooling']} states of {space['model']}"
    if space.get("derivation"):
        states = f"whitened {states}"
    if recipe.method != "round_robin":
        return f"{recipe.method} by {states}"
    over = "queries of one task" if len(recipe.tasks) == 1 else f"{len(recipe.tasks)} tasks"
    whole = space["template"] == "tulu" and space["text"] == "conversation"
    name = {"weighted_mean": "RDS+: ", "last_token": "RDS: "}.get(space["pooling"], "")
    named = name if whole and not space.get("derivation") else ""
    return f"{named}round robin over the {over}, by {states}"
