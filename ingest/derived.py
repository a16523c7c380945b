"""The whiten job's second half: what a whitened space lacks is transformed and stored.

Killed anywhere, it goes on with the transform that was kept.
"""

from dataclasses import dataclass, replace
from time import monotonic

import numpy as np

from catalog import schema
from catalog.errors import MissingVectors
from catalog.home import Home
from catalog.jobs import Counts, Job, job
from catalog.model import NamedSpace
from catalog.progress import Progress, Tick, silent
from catalog.spaces import add_space, base_of, pool_ids, query_ids, tokens_scorer
from catalog.sql import load
from catalog.store import Store
from catalog.vectors import Embedded, Ids, Kind, Vectors
from catalog.whitening import BLOCK_ROWS, Derivation, Whitening, transform_path

COMMIT_BYTES = 1 << 25
"""Vectors that one commit stores at most: few commits, and little memory."""


@dataclass(frozen=True)
class WhitenReport:
    """What whitening did.

    Attributes:
        space: the whitened space, as it is known now.
        base: the name of the space it is made of.
        fitted: how many samples the transform was fitted on.
        new: whether it was fitted just now.
        samples: how many samples got a vector.
        queries: how many queries got one.
        lacking: how many samples and queries have no vector in the base, and so none here.
        seconds: how long it took.
    """

    space: NamedSpace
    base: str
    fitted: int
    new: bool
    samples: int
    queries: int
    lacking: int
    seconds: float


def fill(home: Home, known: NamedSpace, progress: Progress = silent) -> WhitenReport:
    """Give what lacks a vector in a whitened space one.

    Raises:
        MissingVectors: the base lacks vectors of pool samples or queries; the others have theirs.
    """
    return transform(home, known, None, False, progress)


def transform(
    home: Home,
    named: NamedSpace,
    begun_at: float | None,
    skip_missing: bool,
    progress: Progress,
) -> WhitenReport:
    """Transform what the space lacks; a time of beginning says that it is new."""
    table = named.space.table_name
    parameters = {"space": named.name, **vars(named.space)}
    with (
        home.lock(table).held(exclusive=True, timeout_seconds=0),
        job(home, "whiten", parameters, table) as running,
    ):
        with Store(home).write("whiten", job_id=running.job_id) as transaction:
            named = add_space(transaction, named.name, named.space, named.location)
            base = base_of(transaction, named)
        work = _Filling(home, running, base, named, progress)
        work.run()
        derivation = Derivation.read(named.space)
        report = WhitenReport(
            named,
            base.name,
            derivation.fitted_samples if derivation else 0,
            begun_at is not None,
            work.done["sample"],
            work.done["query"],
            work.lacking,
            monotonic() - (begun_at or work.begun_at),
        )
        with Store(home).write("whiten", job_id=running.job_id) as transaction:
            running.finish(transaction)
    if work.lacking and not skip_missing:
        raise MissingVectors(
            f"{work.lacking:,} samples or queries have no vector in the space {base.name!r}, which "
            f"{named.name!r} is made of; all others have theirs",
            hint=f"Run `catalog embed --space {base.name}`, then `catalog embed --space "
            f"{named.name}`; what has no {base.space.text} never gets one.",
        )
    return report


class _Filling:
    """Transforms what a whitened space lacks, in commits of a bounded size."""

    def __init__(
        self, home: Home, job: Job, base: NamedSpace, named: NamedSpace, progress: Progress
    ) -> None:
        self.begun_at = monotonic()
        self.done: dict[Kind, int] = {"query": 0, "sample": 0}
        self.lacking = 0
        self._store = Store(home)
        self._home, self._job, self._base, self._named = home, job, base, named
        self._progress = progress
        self._whitening = Whitening.load(transform_path(home, named.space))

    def run(self) -> None:
        """Transform what is missing, queries first."""
        with self._store.read() as reader:
            self._scorer_id = tokens_scorer(reader, self._named)
            counted = reader.value(load("embed/counted"), scorer_id=self._scorer_id)
            wanted: dict[Kind, Ids] = {"query": query_ids(reader), "sample": pool_ids(reader)}
        facts = Vectors(self._home, self._named.space, "sample").facts()
        if counted < len(facts):  # a killed job stored vectors, and not yet what is kept of them
            self._record(facts, Counts())
        for kind, ids in wanted.items():
            self._transform(kind, ids)

    def _transform(self, kind: Kind, wanted: Ids) -> None:
        source = Vectors(self._home, self._base.space, kind)
        target = Vectors(self._home, self._named.space, kind)
        missing = target.missing(wanted)
        absent = source.missing(missing)
        missing = np.setdiff1d(missing, absent, assume_unique=True)
        self.lacking += len(absent)
        target.require_room(len(missing))
        lookup = source.lookup()
        widest = max(self._base.space.width, self._named.space.width)
        step = max(COMMIT_BYTES // (8 * widest), BLOCK_ROWS)
        for start in range(0, len(missing), step):
            found = lookup.embedded(missing[start : start + step])
            vectors, norms = self._whitening.apply(found.vectors, found.norms)
            made = replace(found, vectors=vectors, norms=norms)
            target.append(made)
            self._count(kind, made)
            fraction = (start + len(made.ids)) / len(missing)
            self._progress(Tick(f"whiten {kind}", fraction, {"samples": self.done[kind]}))
        target.compact()

    def _count(self, kind: Kind, made: Embedded) -> None:
        counts = Counts(read=len(made.ids), added=len(made.ids))
        self.done[kind] += len(made.ids)
        if kind == "sample":
            facts = made.table("sample_id", np.float32).drop_columns(["vector"])
            return self._record(facts, counts)
        with self._store.write("whiten", job_id=self._job.job_id) as transaction:
            self._job.advance(transaction, self._job.checkpoint + 1, counts)

    def _record(self, facts: object, counts: Counts) -> None:
        """Write token counts, with the job's progress."""
        with self._store.write("whiten", job_id=self._job.job_id) as transaction:
            transaction.insert_select(
                schema.sample_score,
                load("embed/uncounted"),
                {"scorer_id": self._scorer_id},
                fact=facts,
            )
            self._job.advance(transaction, self._job.checkpoint + 1, counts)
