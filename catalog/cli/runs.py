"""Commands on runs."""

import sys
from typing import TYPE_CHECKING, Any

import click

from catalog.cli.frame import CatalogGroup, Session, common, pass_session
from catalog.cli.output import cell, count, print_json, print_table
from catalog.cli.progress import progress_bar
from catalog.errors import InvalidInput

if TYPE_CHECKING:
    from catalog.runs import EvaluationReport, RunView

PROBLEMS_SHOWN = 20
CHECKPOINTS_SHOWN = 12


@click.group("runs", cls=CatalogGroup, invoke_without_command=True)
@common
@click.pass_context
def runs_group(context: click.Context) -> None:
    """List the runs; begin one, take ledgers in, finish, show, keep what it scored."""
    if context.invoked_subcommand:
        return
    session = context.ensure_object(Session)
    rows = session.open().runs()
    if session.json:
        return print_json({"runs": rows})
    if rows:
        shown = [{**row, "coverage": _percent(row["coverage"])} for row in rows]
        print_table(shown)
    else:
        click.echo("no run yet. Begin one with: catalog runs start NAME --model BASE")


@runs_group.command("start")
@click.argument("name")
@click.option("--model", metavar="BASE", help="What is tuned: a base model, or the parent's.")
@click.option("--parent", metavar="RUN[:STEP]", help="The run whose model is tuned further.")
@click.option(
    "--snapshot",
    "snapshots",
    multiple=True,
    metavar="S[@V]",
    help="What it is trained on; may repeat.",
)
@click.option("--config", metavar="FILE", help="The training's configuration to keep: YAML, JSON.")
@click.option("--tag", "tags", multiple=True, metavar="K=V", help="Anything to find it by.")
@common
@pass_session
def runs_start_command(
    session: Session,
    /,
    name: str,
    config: str | None,
    tags: tuple[str, ...],
    **about: Any,  # noqa: ANN401 - as `Catalog.start_run` takes them
) -> None:
    """Begin the run NAME, or go on with it; its ledger is found by its name."""
    from catalog.runs import read_config

    kept = read_config(config) if config else None
    started = session.open().start_run(name, config=kept, tags=_tags(tags), **about)
    if session.json:
        return print_json(started)
    if started.is_new:
        click.echo(f"run {started.run} begun")
    else:
        click.echo(f"run {started.run} is here already and goes on as attempt {started.attempt}")
    if started.snapshots:
        click.echo(f"trained on {', '.join(started.snapshots)}")
    if started.parent:
        click.echo(f"tunes the model of {started.parent} further")
    return click.echo(f'log it with: Ledger({session.home!r}, "{started.run}")')


def _tags(given: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for tag in given:
        key, equals, value = tag.partition("=")
        if not equals or not key.strip():
            raise InvalidInput(f"{tag!r} is no tag", hint="Write --tag key=value.")
        found[key.strip()] = value.strip()
    return found


@runs_group.command("import")
@click.argument("names", nargs=-1, metavar="[RUN|PATH|URI]...")
@click.option("--as", "name_as", metavar="NAME", help="What to call the one run here.")
@click.option("--anew", is_flag=True, help="Work attempts and coverage out again.")
@common
@pass_session
def runs_import_command(
    session: Session, names: tuple[str, ...], name_as: str | None, anew: bool
) -> None:
    """Take in what trainers logged: the named RUNs, or all in the home's ledger folder."""
    with progress_bar() as progress:
        report = session.open().import_runs(names, name_as=name_as, anew=anew, progress=progress)
    if session.json:
        print_json(report)
    else:
        click.echo(
            f"{count(len(report.runs), 'run')}: {count(report.segments, 'new segment')}, "
            f"{count(report.exposures, 'exposure')}"
        )
        if report.unknown:
            click.echo(
                f"{count(report.unknown, 'exposure')} of samples that are not in the catalog"
            )
    _fail_if(report.problems)


def _fail_if(problems: list[str]) -> None:
    """Say what was wrong, and leave with code 1 if anything was."""
    for problem in problems[:PROBLEMS_SHOWN]:
        click.echo(f"problem: {problem}", err=True)
    if len(problems) > PROBLEMS_SHOWN:
        click.echo(f"and {len(problems) - PROBLEMS_SHOWN:,} more; --json lists all", err=True)
    if problems:
        sys.exit(1)


@runs_group.command("finish")
@click.argument("name")
@click.option("--steps", type=click.IntRange(min=0), help="Its last optimizer step, if known.")
@common
@pass_session
def runs_finish_command(session: Session, name: str, steps: int | None) -> None:
    """Take in the ledger of the run NAME, and let nobody add to it any more."""
    with progress_bar() as progress:
        finished = session.open().finish_run(name, steps=steps, progress=progress)
    if session.json:
        print_json(finished)
    else:
        after = "" if finished.final_step is None else f" after step {finished.final_step:,}"
        click.echo(f"run {finished.run} is finished{after}")
        click.echo(_coverage(finished.coverage))
    _fail_if(finished.problems)


@runs_group.command("show")
@click.argument("name")
@common
@pass_session
def runs_show_command(session: Session, name: str) -> None:
    """Show the run NAME: what it is, its attempts, coverage, lineage and scores."""
    view = session.open().show_run(name)
    if session.json:
        return print_json(view)
    run = view.run
    click.echo(f"run {run['name']}: model {run['model'] or 'not told'}")
    end = "not finished" if not run["finished_at"] else f"finished {cell(run['finished_at'])}"
    click.echo(f"begun {cell(run['started_at'])}, {end}")
    if view.parent:
        click.echo(f"tunes the model of {view.parent} further")
    for row in view.snapshots:
        size = f", {count(row['size'], 'sample')}" if row["size"] else ""
        click.echo(f"trained on {row['snapshot']}{size}" + ("" if row["is_here"] else ", not here"))
    for key, value in (run["tags"] or {}).items():
        click.echo(f"tag {key}: {value}")
    click.echo(_coverage(view.coverage))
    _show_attempts(view)
    if run["config"]:
        click.echo(f"\nconfig\n  {cell(run['config'])}")
    if view.evaluations:
        click.echo("\nscores")
        print_table([{**row, "settings": cell(row["settings"])} for row in view.evaluations])
    for row in view.children:
        step = "" if row["step"] is None else f" from step {row['step']:,}"
        click.echo(f"\ntuned further by {row['run']}{step}")
    return None


def _show_attempts(view: "RunView") -> None:
    """Print attempts after those they went on from, each with its checkpoints.

    What was given up is set in; the way to the newest is not, however often it was killed.
    """
    if view.attempts:
        click.echo("\nattempts")
    depths: dict[int, int] = {}
    children: dict[int | None, list[dict[str, Any]]] = {}
    for row in view.attempts:
        children.setdefault(row["parent_attempt"], []).append(row)
    waiting = children.get(None, [])[::-1]
    while waiting:
        row = waiting.pop()
        is_last = row is children[row["parent_attempt"]][-1]
        depth = depths.get(row["parent_attempt"], 0) + (0 if is_last else 1)
        depths[row["attempt"]] = depth
        waiting += children.get(row["attempt"], [])[::-1]
        steps = [f"{p['step']:,}" for p in view.checkpoints if p["attempt"] == row["attempt"]]
        click.echo("  " * (depth + 1) + _attempt(row, list(dict.fromkeys(steps))))


def _attempt(row: dict[str, Any], checkpoints: list[str]) -> str:
    text = f"attempt {row['attempt']}: "
    if row["parent_attempt"] is not None:
        sure = "as its steps suggest, " if row["assumed"] else ""
        text += f"{sure}from step {row['parent_step']:,} of attempt {row['parent_attempt']}, "
    text += f"up to step {row['last_step'] or 0:,}"
    if (row["world_size"] or 1) > 1:
        text += f", {row['world_size']} processes"
    if checkpoints:
        more = "…, " if len(checkpoints) > CHECKPOINTS_SHOWN else ""
        text += f"; checkpoints at {more}{', '.join(checkpoints[-CHECKPOINTS_SHOWN:])}"
    return text


def _coverage(row: dict[str, Any] | None) -> str:
    """Return how much is recorded, in a sentence."""
    if row is None or not row["steps"]:
        return 'recorded: nothing yet. Not recorded is not "not seen".'
    text = (
        f"recorded: {_percent(row['coverage'])} of {row['steps']:,} steps up to step "
        f"{row['last_step']:,}, {count(row['exposures'], 'exposure')}"
    )
    lacks = {
        "process": row["ranks_missing"],
        "segment": row["damaged_segments"],
        "exposure": row["lost_exposures"],
    }
    said = {
        "process": f"{row['ranks_missing']:,} of its processes left nothing",
        "segment": f"{count(row['damaged_segments'], 'segment')} damaged or missing",
        "exposure": f"{count(row['lost_exposures'], 'exposure')} could not be written",
    }
    return "; ".join([text, *(said[what] for what, number in lacks.items() if number)])


def _percent(share: float | None) -> str:
    """Return a share as people read it; only the whole is 100%.

    >>> _percent(1.0), _percent(0.99999), _percent(None)
    ('100%', '99.9%', '')
    """
    if share is None:
        return ""
    return "100%" if share >= 1 else f"{int(share * 1000) / 10:.1f}%"


@runs_group.command("eval")
@click.argument("run")
@click.option(
    "--import",
    "path",
    required=True,
    metavar="FILE",
    help="What it scored: a file or folder of lm-evaluation-harness, or simple JSON.",
)
@click.option("--step", type=click.IntRange(min=0), help="Of this checkpoint, not the run's end.")
@common
@pass_session
def runs_eval_command(session: Session, run: str, path: str, step: int | None) -> None:
    """Keep what a RUN's model scored, so that one query says which subset scored what."""
    report = session.open().evaluate_run(run, path, step=step)
    if session.json:
        print_json(report)
    else:
        _show_evaluation(report)
    _fail_if(report.problems)


def _show_evaluation(report: "EvaluationReport") -> None:
    where = "its end" if report.step is None else f"step {report.step:,}"
    same = f", {report.same:,} were here already" if report.same else ""
    files = count(report.files, "file")
    click.echo(f"{report.run} at {where}: {count(report.added, 'new score')} of {files}{same}")
    if report.refused:
        click.echo(f"refused {count(len(report.refused), 'value')}:")
        for row in report.refused[:PROBLEMS_SHOWN]:
            click.echo(f"  {row['benchmark']} {row['metric']}: {row['reason']}")
