"""What a report on a run says, gathered: what is recorded, and what is not."""

import json
from dataclasses import dataclass
from typing import Any

from catalog.audit import RunAudit, audit_run
from catalog.audit.heads import EVERY_STEP, Head, ancestors, find_head, gather
from catalog.home import Home
from catalog.runs import RunView, show_run
from catalog.sql import load
from catalog.store import Rows, Store

RANGES = 60
"""Ranges of steps that a page shows side by side, at most."""
MARKED = 50
"""Marked samples that a page lists, at most."""


@dataclass(frozen=True)
class RunReport:
    """What led to one model of a run, and all that is told of the run.

    Attributes:
        audit: what it was shown, and how much of that is recorded.
        view: what is told of the run: attempts, checkpoints, scores, relatives.
        ancestors: the models it was tuned from, nearest first.
        claims: what the processes said when each attempt began, by attempt and rank.
        checkpoints: those told of, and how many marked samples were met by then.
        over_time: exposures by ranges of steps: new samples, and those shown again.
        often: how many samples were shown how often.
        licences: the sources that hold what was shown.
        checks: the query sets that samples were checked against, and what was found.
        marked: the samples shown that overlap such items, at most `MARKED`.
        untested: the query sets that nothing was ever checked against.
    """

    audit: RunAudit
    view: RunView
    ancestors: list[Head]
    claims: dict[int, dict[str, dict[str, Any]]]
    checkpoints: Rows
    over_time: Rows
    often: Rows
    licences: Rows
    checks: Rows
    marked: Rows
    untested: Rows


def report_run(
    home: Home, run: str, *, attempt: int | None = None, step: int | None = None
) -> RunReport:
    """Gather what a report on a model of a run says.

    Args:
        home: the catalog's.
        run: the run's name.
        attempt: on the way to the end of this attempt; None is the newest.
        step: the checkpoint after this step; None is the last.

    Raises:
        UnknownName: there is no such run or attempt.
        InvalidInput: that step is not recorded.
    """
    audit = audit_run(home, run, step=step, attempt=attempt)
    with Store(home).read() as reader:
        head = find_head(reader, run, attempt, step)
        gather(reader, [head])
        claims = reader.rows(load("report/claims"), run_id=head.run_id)
        return RunReport(
            audit,
            show_run(home, run),
            ancestors(reader, head),
            {row["attempt"]: json.loads(row["manifest"]).get("claims", {}) for row in claims},
            checkpoints=reader.rows(
                load("report/checkpoints"),
                run_id=head.run_id,
                head=head.attempt,
                step=EVERY_STEP if step is None else step,
            ),
            over_time=reader.rows(load("report/over_time"), ranges=RANGES),
            often=reader.rows(load("report/often")),
            licences=reader.rows(load("report/licences")),
            checks=reader.rows(load("report/checks")),
            marked=reader.rows(load("report/marked"), most=MARKED),
            untested=reader.rows(load("report/untested")),
        )
