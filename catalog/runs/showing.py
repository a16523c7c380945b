"""A run as people look at it."""

import json
from dataclasses import dataclass
from typing import Any

from catalog.home import Home
from catalog.runs.finishing import the_run
from catalog.sql import load
from catalog.store import Store

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class RunView:
    """All that is told of one run.

    Attributes:
        run: name, model, tags, config, when it began and ended, its last step.
        parent: the run whose model it tuned, with the step if one was named; None for a base model.
        snapshots: what it was trained on.
        attempts: each with its parent, and what is recorded of its chain.
        checkpoints: by attempt and step.
        coverage: of its newest model; None if nothing is recorded.
        evaluations: what its models scored.
        children: the runs that tuned its model further.
        problems: damaged and missing segments.
    """

    run: dict[str, Any]
    parent: str | None
    snapshots: Rows
    attempts: Rows
    checkpoints: Rows
    coverage: dict[str, Any] | None
    evaluations: Rows
    children: Rows
    problems: Rows


def show_run(home: Home, name: str) -> RunView:
    """Return what is known of a run.

    Raises:
        UnknownName: there is none of this name.
    """
    with Store(home).read() as reader:
        row = the_run(reader, name)
        key = row["run_id"]
        parent = reader.row("select name from run where run_id = $r", r=row["parent_run_id"] or 0)
        rows = {
            part: reader.rows(load(f"show/run_{part}"), run_id=key)
            for part in ("snapshots", "attempts", "checkpoints", "children", "problems")
        }
        evaluations = reader.rows(load("show/run_evaluations"), run=name)
        coverage = reader.row(load("show/run_coverage"), run_id=key)
    told = ("name", "model", "started_at", "finished_at", "final_step")
    run = {part: row[part] for part in told}
    run |= {part: json.loads(row[part] or "null") for part in ("tags", "config")}
    for score in evaluations:
        score["settings"] = json.loads(score["settings"])
    return RunView(
        run,
        _parent(row, parent["name"] if parent else None),
        coverage=coverage,
        evaluations=evaluations,
        **rows,
    )


def _parent(row: dict[str, Any], name: str | None) -> str | None:
    if name is None:
        told = json.loads(row["manifest"]).get("parent")
        return told if isinstance(told, str) else None
    return name if row["parent_step"] is None else f"{name}:{row['parent_step']}"
