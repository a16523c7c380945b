"""Verbs that choose samples."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from catalog.api.verbs import Verbs
from catalog.progress import Progress, silent

if TYPE_CHECKING:
    from catalog.recipe import Param, Recipe
    from catalog.snapshot import Snapshot


class Choosing(Verbs):
    """Select samples, in one way or another."""

    def select(
        self,
        name: str,
        *,
        method: str | None = None,
        sql: str | None = None,
        recipe: "Recipe | None" = None,
        tasks: Sequence[str] = (),
        size: int | None = None,
        space: str | None = None,
        where: str | None = None,
        seed: int = 0,
        params: "Mapping[str, Param] | None" = None,
        allow_fewer: bool = False,
        note: str | None = None,
        progress: Progress = silent,
    ) -> "Snapshot":
        """Select samples by a rule and freeze them as the next version of `name`.

        Args:
            name: of the snapshot.
            method: a rule of `queries/select/`.
            sql: instead of a rule, one SELECT that gives a column `sample_id`.
            recipe: instead of both, what `Recipe.read` gives.
            tasks: to select for, in order: `gsm8k`, or `gsm8k:heldout`.
            size: how many samples.
            space: embedding space; may be left out if there is one.
            where: SQL condition on the pool.
            seed: of random draws.
            params: of the statement.
            allow_fewer: take fewer if there are no more.
            note: kept with the snapshot.
            progress: is told how far scoring is.
        """
        from catalog.select import Request, select

        request = Request(method, sql, recipe, tuple(tasks), size, space, where, seed)
        return select(self.home, name, request, dict(params or {}), allow_fewer, note, progress)
