"""What a rule needs, provided: the pool, ranked lists, best scores per task, scorers' scores."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from catalog.errors import InvalidInput, InvalidQuery, MissingScores, MissingVectors
from catalog.home import Home
from catalog.model import NamedSpace, TaskQueries
from catalog.progress import Progress
from catalog.recipe import Recipe
from catalog.scorers import Scorer, how_to_score, scorer_of, scorers, the_scorer
from catalog.selecting.pool import Pool
from catalog.selecting.rules import BEST, LISTS, PER_TASK, Rule
from catalog.spaces import TOKENS, tokens_scorer
from catalog.store import Reader, Store
from catalog.tasks import task_queries
from catalog.vectors import Ids, Vectors

if TYPE_CHECKING:
    from catalog.selecting.ranking import Ranker

SKIP = "or leave them out with --skip-missing"
SCORES = """
select
    sample_id,
    value,
    label,
    truncated
from sample_score
where scorer_id = $scorer_id
order by sample_id
"""


@dataclass
class Provision:
    """The relations of one selection.

    Attributes:
        home: whose pool it is.
        as_of: the change after which the catalog is looked at; None is now.
        recipe: what is asked for.
        rule: that chooses.
        space: of the recipe.
        pool: narrowed by everything that applies before ranking.
        progress: is told how far scoring is.
    """

    home: Home
    as_of: int | None
    recipe: Recipe
    rule: Rule
    space: NamedSpace | None
    pool: Pool
    progress: Progress

    @property
    def store(self) -> Store:
        """What reads the catalog as it was then."""
        return Store(self.home, as_of=self.as_of)

    def read(self) -> None:
        """Read what the catalog itself has to give: what is asked in vain is said before any work.

        Raises:
            CatalogError: a space, task or scorer that the rule needs is not there.
        """
        _ = self.scores
        if self.rule.for_tasks:
            _ = self.the_space, self.tasks

    def narrow(self) -> list[str]:
        """Check that nothing is missing, or leave out what misses something; say what was.

        Raises:
            MissingVectors: samples have none in the space, and may not be skipped.
            MissingScores: samples lack a score that the rule needs, and may not be skipped.
        """
        told = []
        if self.rule.for_tasks or self.recipe.skip_near_duplicates is not None:
            missing = Vectors(self.home, self.the_space.space, "sample").missing(self.pool.ids)
            if len(missing):
                told.append(self._leave_out(missing, self._lacking(missing)))
        for name in self.scorer_names:
            held = self.scores[name]["sample_id"].to_numpy()
            missing = np.setdiff1d(self.pool.ids, held, assume_unique=True)
            if len(missing):
                told.append(self._leave_out(missing, self._unscored(name, len(missing))))
        if self.recipe.tokens is not None and (uncounted := self.pool.samples["tokens"].null_count):
            ids = self.pool.ids[self.pool.samples["tokens"].is_null().to_numpy()]
            told.append(self._leave_out(ids, self._unscored(TOKENS, uncounted)))
        return told

    def _leave_out(self, ids: Ids, error: MissingVectors | MissingScores) -> str:
        if not self.recipe.skip_missing:
            raise error
        self.pool = self.pool.without(ids)
        return f"{error.message}: they were left out"

    def _lacking(self, missing: Ids) -> MissingVectors:
        with Store(self.home).read() as reader:  # as it is now: what was destroyed since, is
            reader.register("missing", pa.table({"sample_id": missing}))
            purged = reader.value("select count(*) from purged join missing using (sample_id)")
        hint = f"Run `catalog embed --space {self.the_space.name}` for what is missing, {SKIP}."
        if purged:
            hint = f"{purged:,} of them were purged: their vectors are gone for good. Else: {hint}"
            if purged == len(missing):
                hint = "They were purged: what chose among them cannot be chosen again."
        return MissingVectors(
            f"the space {self.the_space.name!r} has no vectors for {len(missing):,} of "
            f"{len(self.pool.ids):,} samples of the pool",
            hint=hint,
        )

    def _unscored(self, need: str, count: int) -> MissingScores:
        if need == TOKENS:
            name, command = TOKENS, f"catalog embed --space {self.the_space.name}"
        else:
            name, command = self._scored_by[need].name, how_to_score(self._scored_by[need])
        return MissingScores(
            f"the scorer {name!r} has no score for {count:,} of {len(self.pool.ids):,} samples of "
            "the pool",
            hint=f"Run `{command}` for what is missing, {SKIP}.",
        )

    @property
    def the_space(self) -> NamedSpace:
        """The space, where one is needed.

        Raises:
            InvalidInput: the recipe names none.
        """
        if self.space is None:
            raise InvalidInput(
                f"{self.recipe.method} needs an embedding space and the recipe names none",
                hint="Name one with --space.",
            )
        return self.space

    @property
    def scorer_names(self) -> list[str]:
        """Every scorer that the rule needs, under the name it has there."""
        return sorted(self.rule.query.needs - PER_TASK - {"pool"})

    @cached_property
    def _scored_by(self) -> Mapping[str, Scorer]:
        """The scorer that stands for each name in the rule, but for token counts."""
        with self.store.read() as reader:
            names = [name for name in self.scorer_names if name != TOKENS]
            return {name: self._scorer(reader, name) for name in names}

    @cached_property
    def scores(self) -> Mapping[str, pa.Table]:
        """The scores of every scorer that the rule needs: sample_id, value, label, truncated."""
        with self.store.read() as reader:
            ids = {name: scorer.scorer_id for name, scorer in self._scored_by.items()}
            if TOKENS in self.scorer_names:
                ids[TOKENS] = tokens_scorer(reader, self.the_space)
            return {name: reader.arrow(SCORES, scorer_id=key) for name, key in ids.items()}

    def _scorer(self, reader: Reader, name: str) -> Scorer:
        contract = self.recipe.scores.get(name)
        if contract is None:
            return the_scorer(reader, name)
        if found := scorer_of(reader, contract, name):
            return found
        raise MissingScores(
            f"no scorer here has the contract of the recipe's {name}: {dict(contract)}",
            hint="Compute it with `catalog score`, or take it in with `catalog scores import`.",
        )

    @cached_property
    def tasks(self) -> list[TaskQueries]:
        """The tasks with their queries; with `skip_missing` those that have vectors.

        Raises:
            InvalidInput: the rule selects for tasks, and the recipe names none.
        """
        if not self.recipe.tasks:
            raise InvalidInput(
                f"{self.recipe.method} selects for a task and none was given",
                hint="Name one with --task; `catalog tasks` lists them.",
            )
        with self.store.read() as reader:
            found = [task_queries(reader, reference) for reference in self.recipe.tasks]
        vectors = Vectors(self.home, self.the_space.space, "query")
        wanted = np.array(sorted({query for entry in found for query in entry.query_ids}), np.int64)
        missing = set(vectors.missing(wanted).tolist())
        if not missing:
            return found
        kept = [
            TaskQueries(entry.task, tuple(one for one in entry.query_ids if one not in missing))
            for entry in found
        ]
        if not self.recipe.skip_missing or not all(entry.query_ids for entry in kept):
            raise self._without_queries(found, missing)
        return kept

    def _without_queries(self, tasks: list[TaskQueries], missing: set[int]) -> MissingVectors:
        names = sorted({entry.task.name for entry in tasks if missing & {*entry.query_ids}})
        return MissingVectors(
            f"the space {self.the_space.name!r} has no vectors for {len(missing)} of the queries "
            f"of {', '.join(names)}",
            hint=f"Run `catalog embed --space {self.the_space.name}` for what is missing, {SKIP}; "
            f"queries without a {self.the_space.space.text}, or of a replaced revision, get none.",
        )

    @cached_property
    def ranker(self) -> "Ranker":
        """What ranks the pool for the tasks."""
        from catalog.selecting.ranking import Ranker  # torch, which other rules do not need

        return Ranker(self.home, self.the_space, self.pool, self.tasks, self.progress)

    @cached_property
    def fixed(self) -> Mapping[str, pa.Table]:
        """Every relation but the ranked lists, which depend on how deep a walk goes."""
        found = {"pool": self.pool.samples}
        for name in self.scorer_names:
            scores = self.scores[name]
            inside = np.isin(scores["sample_id"].to_numpy(), self.pool.ids)
            found[name] = scores.filter(pa.array(inside))
        if BEST in self.rule.query.needs:
            # A shipped rule names the columns that it reads; a user's may take them all.
            text = self.rule.query.text
            found[BEST] = self.ranker.similarity(means=self.rule.own or "mean" in text)
        return found

    def relations(self, size: int | None) -> dict[str, pa.Table]:
        """Return what the rule needs to select so many samples.

        What a user's rule makes of ranked lists nobody knows: it gets them whole. The rule that
        is shipped takes turns, and gets the places that these come to.
        """
        found = dict(self.fixed)
        if LISTS in self.rule.query.needs:
            whole = len(self.pool.ids)
            if self.rule.own or size is None:
                found[LISTS] = self.ranker.rank(whole)
            else:
                found[LISTS] = self.ranker.first_places(size)
        return found


def check_needs(rule: Rule, recipe: Recipe, reader: Reader) -> None:
    """Check that every relation that a rule needs is one the engine can provide.

    Raises:
        InvalidQuery: a user's rule needs what nobody provides.
    """
    known = {"pool", TOKENS, *PER_TASK, *recipe.scores, *(one.name for one in scorers(reader))}
    if rule.own and (strange := sorted(rule.query.needs - known)):
        raise InvalidQuery(
            f"{rule.query.name} needs {strange[0]!r}, which nothing provides",
            hint=f"Provided are: {', '.join(sorted(known))}.",
        )
