"""Commands on embedding spaces: list them, make one of another."""

from typing import TYPE_CHECKING

import click

from catalog.cli.frame import CatalogGroup, Session, common, pass_session
from catalog.cli.output import count, print_json, print_table
from catalog.cli.progress import progress_bar

if TYPE_CHECKING:
    from ingest.derived import WhitenReport

SHOWN = (
    *("name", "made_of", "model", "pooling", "template", "width", "stored_dtype", "samples"),
    *("queries", "lacking_samples", "lacking_queries"),
)


@click.command("spaces")
@common
@pass_session
def spaces_command(session: Session) -> None:
    """List the embedding spaces, what they hold and what they lack."""
    rows = session.open().spaces()
    if session.json:
        return print_json({"spaces": rows})
    if not rows:
        click.echo("no space yet. Make one with: catalog embed --space NAME")
        return
    print_table(rows, SHOWN)
    for row in rows:
        if row["lacking_samples"] or row["lacking_queries"]:
            click.echo(f"fill in what is lacking with: catalog embed --space {row['name']}")


@click.group("space", cls=CatalogGroup)
def space_group() -> None:
    """Make an embedding space of another one."""


@space_group.command("whiten")
@click.argument("name")
@click.option("--from", "base", required=True, help="The space whose vectors are whitened.")
@click.option(
    "--components",
    type=click.IntRange(min=1),
    default=512,
    show_default=True,
    help="Main components to keep: the new space's width.",
)
@click.option(
    "--sample",
    type=click.IntRange(min=2),
    default=500_000,
    show_default=True,
    help="Samples of the pool to fit on, at most.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of their draw.")
@click.option(
    "--store",
    type=click.Choice(["float16", "float32"]),
    help="Dtype on disk.  [default: as the space it is made of]",
)
@click.option("--skip-missing", is_flag=True, help="Go on where samples have no vector.")
@common
@pass_session
def whiten_command(
    session: Session,
    name: str,
    base: str,
    components: int,
    sample: int,
    seed: int,
    store: str | None,
    skip_missing: bool,
) -> None:
    """Make the space NAME of another one: its main components, each of the same variance.

    The transform is fitted on a seeded sample of the pool and kept. Later samples get their vectors
    with `catalog embed --space NAME`, once the space it is made of has theirs.
    """
    import ingest

    with progress_bar() as progress:
        report = ingest.whiten(
            session.open(),
            name,
            base=base,
            components=components,
            sample=sample,
            seed=seed,
            store="float32" if store == "float32" else "float16" if store else None,
            skip_missing=skip_missing,
            progress=progress,
        )
    if session.json:
        return print_json(report)
    _show_report(report)


def _show_report(report: "WhitenReport") -> None:
    space = report.space.space
    done = "fitted" if report.new else "was fitted"
    click.echo(
        f"space {report.space.name}: {space.width} whitened components of {report.base}, "
        f"{space.stored_dtype}, {done} on {count(report.fitted, 'sample')}"
    )
    if report.samples or report.queries:
        click.echo(
            f"transformed {count(report.samples, 'sample')} and {count(report.queries, 'query')} "
            f"in {report.seconds:,.1f} s"
        )
    else:
        click.echo("nothing to transform: every sample and query has its vector")
    if report.lacking:
        click.echo(f"{report.lacking:,} have no vector in {report.base}, and so none here")
