"""A run is over: what its ledger holds is taken in, and nobody adds to it any more."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import update

from catalog import schema
from catalog.errors import Conflict, UnknownName
from catalog.home import Home
from catalog.ledger import RunFolder
from catalog.ledger.folder import FINISHED
from catalog.progress import Progress, silent
from catalog.runs.importing import import_runs
from catalog.runs.reading import LedgerFolder
from catalog.runs.settling import settle
from catalog.sql import load
from catalog.store import Reader, Store


@dataclass(frozen=True)
class Finished:
    """A run that is over.

    Attributes:
        run: its name.
        final_step: its last optimizer step; None if nobody knows it.
        coverage: the row of `run_coverage` of its newest model; None if nothing is recorded.
        problems: what was wrong with its ledger, in words.
    """

    run: str
    final_step: int | None
    coverage: dict[str, Any] | None
    problems: list[str]


def the_run(reader: Reader, name: str) -> dict[str, Any]:
    """Return the row of the run of this name.

    Raises:
        UnknownName: there is none.
    """
    row = reader.row("select * from run where name = $name", name=name)
    if row is None:
        known = [
            found["name"] for found in reader.rows("select name from run order by run_id desc")
        ]
        raise UnknownName.among(
            "run", name, known, hint="Take ledgers in with `catalog runs import`."
        )
    return row


def finish_run(
    home: Home, name: str, *, steps: int | None = None, progress: Progress = silent
) -> Finished:
    """Take in what a run's ledger holds, and mark the run as over.

    Args:
        home: the catalog's.
        name: the run's.
        steps: how many optimizer steps led to its last model; None as far as is recorded.
        progress: is told how far the import is.

    Raises:
        UnknownName: there is no such run.
        Conflict: it is finished already, or more steps are recorded than are told.
    """
    here = LedgerFolder.at(home.ledger / name)
    problems = import_runs(home, [name], progress=progress).problems if here.holds_run() else []
    with Store(home).read() as reader:
        run = the_run(reader, name)
        if run["finished_at"]:
            raise Conflict(
                f"the run {name!r} is finished since {run['finished_at']:%Y-%m-%d %H:%M}, "
                f"after step {run['final_step']}",
                hint=f"`catalog runs show {name}` tells what is recorded of it.",
            )
        covered = reader.row(load("show/run_coverage"), run_id=run["run_id"])
    recorded = covered["last_step"] if covered else None
    if steps is not None and recorded is not None and steps < recorded:
        raise Conflict(
            f"the run {name!r} cannot have ended after {steps:,} steps: {recorded:,} are recorded",
            hint="Leave --steps out, or give the last optimizer step.",
        )
    final = recorded if steps is None else steps
    end = {"finished_at": datetime.now(UTC), "final_step": final}
    manifest = json.loads(run["manifest"])
    if here.holds_run() and here.manifest().get("uid") == manifest.get("uid"):
        said = {"finished_at": end["finished_at"].isoformat(), "steps": final}  # type: ignore[union-attr]
        RunFolder(home.path, name).put(FINISHED, json.dumps(said).encode())
    with Store(home).write("runs") as transaction:
        transaction.run(
            update(schema.run).where(schema.run.c.run_id == run["run_id"]).values(**end)
        )
    settle(home, run["run_id"], manifest["run"], here, [], anew=True)
    with Store(home).read() as reader:
        covered = reader.row(load("show/run_coverage"), run_id=run["run_id"])
    return Finished(name, final, covered, problems)
