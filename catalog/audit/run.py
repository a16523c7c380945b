"""What led to a model of a run, and whether that is what its snapshots promised."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from catalog.audit.coverage import Coverage, coverage, unimported
from catalog.audit.heads import Head, ancestors, chain, find_head, gather
from catalog.audit.order import OrderFound, check_order
from catalog.audit.origins import by_source
from catalog.home import Home
from catalog.sql import load
from catalog.store import Reader, Rows, Store

if TYPE_CHECKING:
    import pyarrow as pa

PLACES = 100_000_000
"""Up to so many, the places of a data set are counted as bits."""


@dataclass(frozen=True)
class RunAudit:
    """What led to one model of a run.

    Attributes:
        run: the run's name.
        attempt: the one whose end, or a step of it, is meant; None if nothing is recorded.
        step: the model is the one after this step; None is the last of the attempt.
        chain: the attempts that led there, and which steps of each.
        summary: the numbers of `queries/audit/run.sql` and `about_run.sql`, and `repeats`.
        sources: where the samples came from, each counted for its first source.
        snapshots: what each promised, and what came of it.
        epochs: the same by epoch.
        dropped: samples left out before training, by reason.
        loaded: exposures that changed nothing, by cause.
        skipped: optimizer steps that changed nothing, by reason.
        order: how far the samples came in the order promised.
        parents: the runs it was tuned from, if they were asked for, and up to which step.
        coverage: how much is recorded: of the run, then of each of the parents.
        unimported: runs whose ledgers in the home are not wholly imported.
    """

    run: str
    attempt: int | None
    step: int | None
    chain: Rows
    summary: dict[str, Any]
    sources: Rows
    snapshots: Rows
    epochs: Rows
    dropped: Rows
    loaded: Rows
    skipped: Rows
    order: list[OrderFound]
    parents: list[Head]
    coverage: list[Coverage]
    unimported: list[str]


def audit_run(
    home: Home,
    run: str,
    *,
    step: int | None = None,
    attempt: int | None = None,
    with_ancestors: bool = False,
) -> RunAudit:
    """Tell what led to a model of a run.

    Args:
        home: the catalog's.
        run: the run's name.
        step: the checkpoint after this step; None is the last.
        attempt: on the way to the end of this attempt; None is the newest.
        with_ancestors: add what the runs saw that it was tuned from, up to where that was.

    Raises:
        UnknownName: there is no such run or attempt.
        InvalidInput: that step is not recorded.
    """
    with Store(home).read() as reader:
        head = find_head(reader, run, attempt, step)
        parents = ancestors(reader, head) if with_ancestors else []
        gather(reader, [head, *parents])
        about = reader.row(load("audit/about_run"), run_id=head.run_id) or {}
        bounds = _sets(reader)
        numbers = reader.row(load("audit/run")) or {}
        repeats = {"repeats": _repeats(reader)}
        lists = {
            name: reader.rows(load(f"audit/run_{name}"))
            for name in ("snapshots", "epochs", "dropped", "loaded", "skipped")
        }
        wanted = [(one.run_id, one.attempt, one.step) for one in (head, *parents)]
        waiting = unimported(reader, home)
        return RunAudit(
            head.run,
            head.attempt,
            head.step,
            chain(reader, head),
            about | numbers | repeats,
            by_source(reader, **bounds) if numbers["exposures"] else [],
            **lists,
            order=check_order(reader, head.run_id, about["config"]),
            parents=parents,
            coverage=coverage(reader, waiting, wanted),
            unimported=waiting,
        )


def _repeats(reader: Reader) -> int:
    """Return how many exposures a sampler repeated; where there are none, that is told quickly."""
    row = reader.row(
        "select min(dataset_position) as low, max(dataset_position) as high from shown"
    )
    low, high = (row or {}).values()
    if low is None or (low >= 0 and high < PLACES):
        places = {"places": (high or 0) + 1}
        if not reader.value(load("audit/run_places"), **places):
            return 0
    return int(reader.value(load("audit/run_repeats")))


def _sets(reader: Reader) -> dict[str, int]:
    """Make the relations `sets` and `whole`, and return the bounds of their bits."""
    bounds = reader.row(load("audit/bounds")) or {}
    reader.make("sets", load("audit/sets"), **bounds)
    reader.make("whole", load("audit/whole"), **bounds)
    return bounds


def run_samples(
    home: Home,
    run: str,
    *,
    step: int | None = None,
    attempt: int | None = None,
    with_ancestors: bool = False,
) -> "pa.Table":
    """Return the samples that led to a model of a run, one row each; see `audit_run`."""
    with Store(home).read() as reader:
        head = find_head(reader, run, attempt, step)
        gather(reader, [head, *(ancestors(reader, head) if with_ancestors else [])])
        return reader.arrow(load("audit/run_samples"))
