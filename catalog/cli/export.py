"""Commands that write members out: export, card."""

from typing import Any

import click

from catalog.cli.frame import Session, common, pass_session
from catalog.cli.output import count, near, print_json
from catalog.cli.progress import progress_bar

FORMATS = ["jsonl", "parquet", "hf", "trl", "llama-factory", "axolotl", "open-instruct"]


@click.command("export")
@click.argument("snapshot")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(FORMATS),
    help="hf is a folder that `datasets.load_from_disk` reads; the last four are what a trainer "
    "reads.  [default: jsonl, or parquet by the output's name]",
)
@click.option(
    "--output",
    required=True,
    type=click.Path(),
    help="File; or folder for hf, llama-factory and axolotl.",
)
@click.option("--overwrite", is_flag=True, help="Replace other content.")
@click.option("--skip-purged", is_flag=True, help="Leave out members whose text was purged.")
@click.option(
    "--skip-unsupported",
    is_flag=True,
    help="Leave out members that the trainer cannot read as they are.",
)
@common
@pass_session
def export_command(
    session: Session, /, snapshot: str, format_name: str | None, output: str, **options: bool
) -> None:
    """Write a SNAPSHOT's members in order, each with its identity, for people or for a trainer."""
    with progress_bar() as progress:
        report = session.open().export(
            snapshot,
            output,
            format=format_name or ("parquet" if output.endswith(".parquet") else "jsonl"),  # type: ignore[arg-type]
            progress=progress,
            **options,
        )
    if session.json:
        return print_json(report)
    told = "" if report.written else " (was there already, unchanged)"
    click.echo(f"{report.snapshot}: {count(report.rows, 'row')} in {near(report.output)}{told}")
    for notice in report.notices:
        click.echo(notice)
    if report.usage:
        click.echo(f"Next: {report.usage}", err=True)
    return None


@click.command("card")
@click.argument("snapshot")
@click.option("--output", required=True, type=click.Path(), help="Folder to write into.")
@click.option("--creator", help="Who made it.  [default: the snapshot's author]")
@click.option("--url", help="The data set's page.")
@click.option("--language", "languages", multiple=True, help="Of the text, such as en; repeat.")
@click.option("--overwrite", is_flag=True, help="Replace files of other content.")
@click.option("--skip-purged", is_flag=True, help="Leave out members whose text was purged.")
@common
@pass_session
def card_command(
    session: Session,
    /,
    snapshot: str,
    output: str,
    **options: Any,  # noqa: ANN401 - as `Catalog.card` takes them
) -> None:
    """Write a SNAPSHOT as a data set to publish: Parquet, Croissant metadata, a card."""
    with progress_bar() as progress:
        report = session.open().card(snapshot, output, progress=progress, **options)
    if session.json:
        return print_json(report)
    told = "" if report.written else " (was there already, unchanged)"
    click.echo(f"{report.snapshot}: {count(report.rows, 'row')} in {near(report.output)}{told}")
    for notice in report.notices:
        click.echo(notice)
    return None
