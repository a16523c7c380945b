"""What two models both saw, and what only one of them did."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from catalog.audit.coverage import Coverage, coverage, unimported
from catalog.audit.heads import EVERY_STEP, Head, find_head
from catalog.audit.origins import Origins
from catalog.home import Home
from catalog.sql import load
from catalog.store import Reader, Rows, Store

if TYPE_CHECKING:
    import pyarrow as pa

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class OverlapAudit:
    """What the newest models of two runs saw, side by side.

    Attributes:
        run_a: the one.
        run_b: the other.
        attempts: whose end each model is.
        both: samples that both saw.
        only_a: samples that only the one saw.
        only_b: samples that only the other saw.
        exposures_a: of the one.
        exposures_b: of the other.
        shared_exposures_a: of samples that both saw.
        shared_exposures_b: of samples that both saw.
        jaccard: both of all that either saw; None if neither saw any.
        sources: the same by the samples' first source.
        coverage: how much is recorded of each.
        unimported: runs whose ledgers in the home are not wholly imported.
    """

    run_a: str
    run_b: str
    attempts: list[int | None]
    both: int
    only_a: int
    only_b: int
    exposures_a: int
    exposures_b: int
    shared_exposures_a: int
    shared_exposures_b: int
    jaccard: float | None
    sources: Rows
    coverage: list[Coverage]
    unimported: list[str]


def audit_overlap(home: Home, run_a: str, run_b: str) -> OverlapAudit:
    """Tell which samples the newest models of two runs both saw.

    Raises:
        UnknownName: there is no such run.
    """
    with Store(home).read() as reader:
        heads = [find_head(reader, run, None, None) for run in (run_a, run_b)]
        bounds = reader.row(load("audit/bounds")) or {}
        first, last = bounds["first"], bounds["last"]
        origins = Origins.read(reader, first, last)
        a, b = (_exposures(reader, head, first, last) for head in heads)
        rows, totals = _counted(origins, a, b)
        any_saw = totals["both"] + totals["only_a"] + totals["only_b"]
        waiting = unimported(reader, home)
        return OverlapAudit(
            run_a,
            run_b,
            [head.attempt for head in heads],
            **totals,
            jaccard=totals["both"] / any_saw if any_saw else None,
            sources=rows,
            coverage=coverage(reader, waiting, [(h.run_id, h.attempt, None) for h in heads]),
            unimported=waiting,
        )


def _exposures(reader: Reader, head: Head, first: int, last: int) -> Counts:
    """Return how often a model saw each sample: int64, shape (ids,), by id less the first."""
    if head.attempt is None:
        return np.zeros(last - first + 1, np.int64)
    rows = reader.arrow(
        load("audit/overlap_ids"), run_id=head.run_id, head=head.attempt, step=EVERY_STEP
    )
    counts: Counts = np.bincount(rows["sample_id"].to_numpy() - first, minlength=last - first + 1)
    return counts


def _counted(origins: Origins, a: Counts, b: Counts) -> tuple[Rows, dict[str, int]]:
    shared, only_a, only_b = (a > 0) & (b > 0), (a > 0) & (b == 0), (a == 0) & (b > 0)
    columns = {
        "both": origins.count(origins.places[shared]),
        "only_a": origins.count(origins.places[only_a]),
        "only_b": origins.count(origins.places[only_b]),
        "exposures_a": origins.count(origins.places, a),
        "exposures_b": origins.count(origins.places, b),
        "shared_exposures_a": origins.count(origins.places[shared], a[shared]),
        "shared_exposures_b": origins.count(origins.places[shared], b[shared]),
    }
    rows: Rows = [
        {"source": origins.name(place)} | {name: counts[place] for name, counts in columns.items()}
        for place in range(len(origins.names) + 1)
        if columns["exposures_a"][place] or columns["exposures_b"][place]
    ]
    totals = {name: sum(counts) for name, counts in columns.items()}
    return sorted(rows, key=_most_shared), totals


def _most_shared(row: dict[str, Any]) -> tuple[int, str]:
    return -row["both"], row["source"]


def overlap_samples(home: Home, run_a: str, run_b: str) -> "pa.Table":
    """Return the samples that the newest models of two runs saw, one row each."""
    with Store(home).read() as reader:
        for name, run in (("shown_a", run_a), ("shown_b", run_b)):
            head = find_head(reader, run, None, None)
            reader.make(
                name,
                load("audit/overlap_ids"),
                run_id=head.run_id,
                head=-1 if head.attempt is None else head.attempt,
                step=EVERY_STEP,
            )
        return reader.arrow(load("audit/overlap_samples"))
