"""Verbs that choose samples."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from catalog.api.verbs import Verbs
from catalog.progress import Progress, silent

if TYPE_CHECKING:
    from catalog.recipe import Param, Recipe
    from catalog.snapshot import Snapshot
    from catalog.store import Rows


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
        tokens: int | None = None,
        space: str | None = None,
        where: str | None = None,
        seed: int = 0,
        params: "Mapping[str, Param] | None" = None,
        scores: Mapping[str, str] | None = None,
        max_per_source: int | None = None,
        not_in: Sequence[str] = (),
        skip_near_duplicates: float | None = None,
        skip_missing: bool = False,
        exclude_contaminated: bool = False,
        allow_fewer: bool = False,
        note: str | None = None,
        progress: Progress = silent,
    ) -> "Snapshot":
        """Select samples by a rule and freeze them as the next version of `name`.

        Args:
            name: of the snapshot.
            method: a rule: of `queries/select/`, or a `.sql` file in the home's `queries/`.
            sql: instead of a rule, one SELECT that gives a column `sample_id`.
            recipe: instead of both, what `Recipe.read` gives.
            tasks: to select for, in order: `gsm8k`, or `gsm8k:heldout`.
            size: how many samples.
            tokens: instead of a size, a budget: members are taken in order as long as they fit.
            space: embedding space; may be left out if there is one.
            where: SQL condition on the pool; every scorer is a column.
            seed: of random draws.
            params: of the statement or the user's rule.
            scores: which scorer stands for one that the rule needs: `{"nll": "nll_large"}`.
            max_per_source: members that one source may have.
            not_in: snapshots, or files of hashes or ids, whose samples are left out.
            skip_near_duplicates: pass over what is nearer than this cosine to an earlier member.
            skip_missing: leave out samples and queries that lack a vector or a score.
            exclude_contaminated: leave out what `decontaminate` marked.
            allow_fewer: take fewer if there are no more.
            note: kept with the snapshot.
            progress: is told how far scoring is.

        Raises:
            CatalogError: it cannot be done as asked; nothing is written.
        """
        from catalog.select import Request, select

        request = Request(
            method=method,
            sql=sql,
            recipe=recipe,
            tasks=tuple(tasks),
            size=size,
            tokens=tokens,
            space=space,
            where=where,
            seed=seed,
            params=dict(params or {}),
            scores=dict(scores or {}),
            max_per_source=max_per_source,
            not_in=tuple(not_in),
            skip_near_duplicates=skip_near_duplicates,
            skip_missing=skip_missing,
            exclude_contaminated=exclude_contaminated,
            allow_fewer=allow_fewer,
        )
        return select(self.home, name, request, note, progress)

    def mix(
        self,
        name: str,
        parts: Sequence[str],
        *,
        size: int | None = None,
        tokens: int | None = None,
        repeats: int = 1,
        space: str | None = None,
        note: str | None = None,
    ) -> "Snapshot":
        """Mix parts of snapshots, each taken from the top, into a snapshot like any other.

        Args:
            name: of the new snapshot.
            parts: `A@1=70%` or `A@1=500`; all as shares, or all as counts.
            size: how many samples the shares are of, repeats counted.
            tokens: instead of a size, how many tokens; no part goes beyond its share.
            repeats: how often one sample may count: through several parts, or a part begun anew.
            space: whose tokens are counted; may be left out if there is one.
            note: kept with the snapshot.

        Raises:
            InvalidInput: the parts are not written so, or do not fit together.
            TooFewSamples: a part has too little to give.
        """
        from catalog.mix import mix

        return mix(
            self.home,
            name,
            parts,
            size=size,
            tokens=tokens,
            repeats=repeats,
            space=space,
            note=note,
        )

    def methods(self) -> "Rows":
        """Return every rule: its name, what it does, what it needs, and the file if a user's."""
        from catalog.selecting.rules import overview

        return overview(self.home)

    def recipe_like(self, reference: str) -> "Recipe":
        """Return a snapshot's recipe for today's pool: its tasks at their newest revisions.

        Raises:
            UnknownName: something that the recipe uses is not here any more.
        """
        from catalog.snapshot import find
        from catalog.store import Store
        from catalog.why.like import like

        snapshot = find(self.home, reference)
        with Store(self.home).read() as reader:
            return like(reader, snapshot)
