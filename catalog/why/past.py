"""A snapshot with the catalog that it saw: what explanations and comparisons look back at."""

from dataclasses import dataclass, replace
from functools import cached_property

from catalog.errors import UnknownName
from catalog.home import Home
from catalog.model import NamedSpace, TaskQueries
from catalog.progress import Progress
from catalog.recipe import Recipe
from catalog.selecting.choosing import pool_of, rule_of
from catalog.selecting.pool import Pool, read_pool
from catalog.selecting.provision import Provision
from catalog.selecting.rules import Rule
from catalog.snapshot import Snapshot, find
from catalog.spaces import the_space
from catalog.store import Store
from catalog.tasks import task_queries


@dataclass(frozen=True)
class Past:
    """A snapshot and the catalog as it was when its members were chosen.

    Attributes:
        snapshot: the snapshot.
        space: that it was selected in, if any.
        frozen_at: the change that wrote it, somewhat later than the pool it saw.
        tasks: the queries it was selected for, in order; None where they are gone.
    """

    snapshot: Snapshot
    space: NamedSpace | None
    frozen_at: int
    tasks: tuple[TaskQueries | None, ...]

    @property
    def home(self) -> Home:
        """Where it is kept."""
        return self.snapshot.home

    @property
    def recipe(self) -> Recipe:
        """What was asked for."""
        return self.snapshot.recipe

    @property
    def store(self) -> Store:
        """The catalog's tables as they were."""
        return Store(self.home, as_of=self.snapshot.pool_change_id)

    @property
    def missing_tasks(self) -> list[str]:
        """The tasks whose queries are gone, by name."""
        pairs = zip(self.recipe.tasks, self.tasks, strict=True)
        return [reference.name for reference, held in pairs if held is None]

    @property
    def constrained(self) -> bool:
        """Whether samples could be passed over on the way."""
        return (self.recipe.max_per_source or self.recipe.skip_near_duplicates) is not None

    @cached_property
    def rule(self) -> Rule:
        """The rule that chose its members, as its text is kept or shipped."""
        return rule_of(self.home, self.recipe)

    @cached_property
    def fitting(self) -> Pool:
        """The samples that were in the pool and fit the condition; other exclusions stay."""
        return read_pool(self.store, self.recipe.where, self.space)

    def provision(self, progress: Progress) -> Provision:
        """Return what the rule needs, of the pool as the selection narrowed it.

        Raises:
            CatalogError: something of it is not here any more.
        """
        clock = self.snapshot.pool_change_id
        pool = pool_of(self.home, self.recipe, self.space, as_of=clock)
        recipe = replace(self.recipe, skip_missing=True)  # what is missing today is no reason
        found = Provision(self.home, clock, recipe, self.rule, self.space, pool, progress)
        found.narrow()
        return found


def past(home: Home, reference: str) -> Past:
    """Return the snapshot that `name@version` stands for, with what it saw.

    Raises:
        UnknownName: there is none.
    """
    snapshot = find(home, reference)
    with Store(home).read() as reader:
        row = reader.row(
            "select p.name, s.change_id from snapshot as s "
            "left join embedding_space as p on p.space_id = s.space_id "
            "where s.snapshot_id = $id",
            id=snapshot.snapshot_id,
        )
        assert row is not None
        space = the_space(reader, row["name"]) if row["name"] else None
    return Past(snapshot, space, row["change_id"], _tasks(home, snapshot))


def _tasks(home: Home, snapshot: Snapshot) -> tuple[TaskQueries | None, ...]:
    found: list[TaskQueries | None] = []
    # As they were: a query set that came back later has the same digest and other queries.
    with Store(home, as_of=snapshot.pool_change_id).read() as reader:
        for reference in snapshot.recipe.tasks:
            try:
                found.append(task_queries(reader, reference))
            except UnknownName:
                found.append(None)
    return tuple(found)
