"""The report command."""

import click

from catalog.cli.frame import Session, common, pass_session
from catalog.cli.output import near, print_json


@click.command("report")
@click.argument("run")
@click.option("--output", metavar="FILE", help="Where the page goes.  [default: RUN.html]")
@click.option("--attempt", type=int, help="The model at this attempt's end.  [default: newest]")
@click.option("--step", type=int, help="The model after this step.  [default: the last]")
@click.option("--overwrite", is_flag=True, help="Replace other content of that file.")
@common
@pass_session
def report_command(
    session: Session,
    run: str,
    output: str | None,
    attempt: int | None,
    step: int | None,
    overwrite: bool,
) -> None:
    """Write what a run was shown as one page for a browser, with all that is not recorded."""
    place = output or f"{run}.html"
    found = session.open().report(
        run, output=place, attempt=attempt, step=step, overwrite=overwrite
    )
    if session.json:
        return print_json(found)
    click.echo(found.audit.coverage[0].sentence)
    return click.echo(f"as a page: {near(place)}")
