"""Commands on runs."""

import click

from catalog.cli.frame import CatalogGroup, Session, common, pass_session
from catalog.cli.output import count, print_json, print_table


@click.group("runs", cls=CatalogGroup, invoke_without_command=True)
@common
@click.pass_context
def runs_group(context: click.Context) -> None:
    """List the runs, or take their ledgers in."""
    if context.invoked_subcommand:
        return
    session = context.ensure_object(Session)
    rows = session.open().runs()
    if session.json:
        return print_json({"runs": rows})
    if rows:
        print_table(rows)
    else:
        click.echo("no run yet. Take ledgers in with: catalog runs import")


@runs_group.command("import")
@click.argument("names", nargs=-1, metavar="[RUN]...")
@common
@pass_session
def runs_import_command(session: Session, names: tuple[str, ...]) -> None:
    """Take in what trainers logged: the named RUNs, or all in the home's ledger folder."""
    report = session.open().import_runs(names)
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
    for problem in report.problems:
        click.echo(f"problem: {problem}", err=True)
    if report.problems:
        raise click.exceptions.Exit(1)
