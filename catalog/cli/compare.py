"""The compare command."""

import click

from catalog.cli.frame import Session, common, pass_session
from catalog.cli.output import near as near_here
from catalog.cli.output import print_json
from catalog.cli.progress import progress_bar


@click.command("compare")
@click.argument("snapshots", nargs=-1, metavar="NAME[@V]…")
@click.option(
    "--space",
    help="Embedding space to measure in.  [default: the snapshots' own, or the only one]",
)
@click.option(
    "--near",
    type=float,
    default=0.95,
    show_default=True,
    help="Cosine above which two members are near-duplicates.",
)
@click.option("--draws", type=int, default=3, show_default=True, help="Draws of every baseline.")
@click.option("--html", type=click.Path(), help="Write it as one self-contained page, with plots.")
@click.option("--overwrite", is_flag=True, help="Replace other content of that file.")
@common
@pass_session
def compare_command(
    session: Session,
    snapshots: tuple[str, ...],
    space: str | None,
    near: float,
    draws: int,
    html: str | None,
    overwrite: bool,
) -> None:
    """Hold snapshots side by side, beside random and balanced draws of the same size and tokens."""
    catalog = session.open()
    with progress_bar() as progress:
        found = catalog.compare(
            snapshots,
            space=space,
            near=near,
            draws=draws,
            html=html,
            overwrite=overwrite,
            progress=progress,
        )
    if session.json:
        return print_json(found)
    from catalog.compare.text import lines

    for line in lines(found):
        click.echo(line)
    if html is not None:
        click.echo(f"\nas a page: {near_here(html)}")
    return None
