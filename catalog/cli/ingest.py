"""Commands that take things in: samples and tasks."""

from typing import TYPE_CHECKING

import click

from catalog.cli.frame import CatalogGroup, Session, common, pass_session
from catalog.cli.output import count, print_json, print_table, shorten
from catalog.cli.progress import progress_bar

if TYPE_CHECKING:
    from catalog.contamination.warning import TaskWarning
    from ingest.loading import IngestReport, Recognised

FORMATS = ("auto", "messages", "alpaca", "sharegpt", "prompt-completion")


@click.command("ingest")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--source", help="Source of all rows; else each row's `dataset` names its own.")
@click.option("--revision", default="main", show_default=True, help="Revision of the source.")
@click.option("--license", help="Licence of the source.")
@click.option("--uri", help="Where the source can be had.")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(FORMATS),
    default="auto",
    show_default=True,
    help="How rows look; recognised from the first ones if not given.",
)
@click.option("--replace", is_flag=True, help="Retire what the source no longer holds.")
@click.option("--strict", is_flag=True, help="Add nothing if any row is refused.")
@click.option(
    "--max-row-bytes",
    type=click.IntRange(min=1),
    default=16 << 20,
    show_default=True,
    help="Refuse larger rows.",
)
@common
@pass_session
def ingest_command(
    session: Session,
    paths: tuple[str, ...],
    source: str | None,
    revision: str,
    license: str | None,
    uri: str | None,
    format_name: str,
    replace: bool,
    strict: bool,
    max_row_bytes: int,
) -> None:
    """Take samples in from files, folders, saved data sets or hf://owner/name[:split]."""
    import ingest

    with progress_bar() as progress:
        report = ingest.load(
            session.open(),
            paths,
            source=source,
            revision=revision,
            license=license,
            uri=uri,
            format=format_name,
            replace=replace,
            strict=strict,
            max_row_bytes=max_row_bytes,
            progress=progress,
            announce=_announce,
        )
    if session.json:
        return print_json(report)
    _show_report(report)


def _announce(recognised: "Recognised") -> None:
    for (name, shown), inputs in recognised.most_common():
        told = "" if shown else " (assumed: no first row shows one)"
        click.echo(f"format: {name}{told}, {count(inputs, 'input')}", err=True)


def _show_report(report: "IngestReport") -> None:
    counts = report.counts
    if report.resumed:
        click.echo(f"went on with job {report.job_id}, which had not finished")
    click.echo(
        f"read {counts.read:,} = added {counts.added:,} + duplicate {counts.duplicate:,} "
        f"+ refused {counts.refused:,}"
    )
    for reason, rows in report.reasons.items():
        click.echo(f"  refused {rows:,}: {reason}")
    if counts.read and counts.duplicate == counts.read:
        click.echo("nothing new: every row was there already")
    elif counts.added:
        for name, appearances in report.appended.items():
            click.echo(f"{name} was there before: {count(appearances, 'row')} appended")
    if counts.retired:
        stay = "which stay retired, and without text if they were purged"
        click.echo(f"{count(counts.retired, 'row')} hold retired samples, {stay}")
    if report.withdrawn:
        click.echo(f"{count(report.withdrawn, 'sample')} retired: the source no longer holds them")
    click.echo(f"job {report.job_id} is done; `catalog status` shows the pool", err=True)
    if counts.refused:
        click.echo(
            f'Refused rows: catalog sql "select file, line, reason, detail from rejection '
            f'where job_id = {report.job_id}"',
            err=True,
        )


@click.group("tasks", cls=CatalogGroup, invoke_without_command=True)
@common
@click.pass_context
def tasks_group(context: click.Context) -> None:
    """List the tasks, or add one."""
    if context.invoked_subcommand:
        return
    session = context.ensure_object(Session)
    rows = session.open().tasks()
    if session.json:
        return print_json({"tasks": rows})
    if rows:
        print_table(rows)
    else:
        click.echo("no task yet. Add one with: catalog tasks add NAME FILE")


@tasks_group.command("add")
@click.argument("name")
@click.argument("path")
@click.option(
    "--role",
    type=click.Choice(["select", "heldout"]),
    default="select",
    show_default=True,
    help="Queries to select by, or test items to keep away from.",
)
@click.option("--format", "format_name", type=click.Choice(FORMATS), default="auto")
@click.option("--replace", is_flag=True, help="Make other queries the task's next revision.")
@click.option(
    "--check/--no-check",
    default=True,
    show_default=True,
    help="Look for overlaps with held-out items and the pool, and warn.",
)
@common
@pass_session
def tasks_add_command(
    session: Session, name: str, path: str, role: str, format_name: str, replace: bool, check: bool
) -> None:
    """Add the query set in PATH as the task NAME, and warn of what it overlaps."""
    import ingest

    with progress_bar() as progress:
        report = ingest.add_task(
            session.open(),
            name,
            path,
            role="heldout" if role == "heldout" else "select",
            format=format_name,
            replace=replace,
            check=check,
            progress=progress,
        )
    if session.json:
        return print_json(report)
    task = report.task
    told = "added" if report.added else "was there already, unchanged"
    click.echo(
        f"task {task.name} ({task.role}), revision {task.revision}, "
        f"{count(task.query_count, 'query')}: {told}"
    )
    for warning in report.warnings:
        _show_warning(warning, task.name)


def _show_warning(warning: "TaskWarning", task: str) -> None:
    click.echo(f"Warning: {warning.message}", err=True)
    for example in warning.examples:
        click.echo(f"  both have: {shorten(example.evidence)}", err=True)
        click.echo(f"    {shorten(example.item)}\n    {shorten(example.other)}", err=True)
    hints = {
        "tasks": "Do not report results on items that samples were chosen by.",
        "pool": f"catalog decontaminate --task {task}, then select with --exclude-contaminated.",
        "test split": "Select by examples of a dev or few-shot set, and add these with "
        "--role heldout.",
    }
    click.echo(f"Hint: {hints[warning.kind]}", err=True)
