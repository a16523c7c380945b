"""Commands on vector indexes, which make searching large pools fast."""

from dataclasses import asdict

import click

from catalog.cli.frame import CatalogGroup, Session, common, pass_session
from catalog.cli.output import count, print_json, print_table
from catalog.cli.progress import progress_bar
from catalog.cli.search import told_index

COLUMNS = ("space", "kind", "samples", "later", "recall", "recall_at", "queries", "built_at")


@click.group("index", cls=CatalogGroup, invoke_without_command=True)
@common
@click.pass_context
def index_group(context: click.Context) -> None:
    """List the vector indexes, build one, or drop one; only `search --ann` uses them."""
    if context.invoked_subcommand:
        return
    session = context.ensure_object(Session)
    found = session.open().indexes()
    if session.json:
        return print_json({"indexes": found})
    if not found:
        click.echo("no index yet. Build one with: catalog index build --space NAME")
        return
    print_table([asdict(index) for index in found], COLUMNS)
    for index in found:
        if index.stale or index.recall is None:
            click.echo(f"\n{told_index(index)}")


@index_group.command("build")
@click.option("--space", help="Embedding space; may be left out if there is one.")
@click.option(
    "--kind",
    type=click.Choice(["rq", "hnsw_sq", "flat"]),
    default="rq",
    show_default=True,
    help="rq is small and built fast; hnsw_sq answers fastest; flat keeps vectors whole.",
)
@common
@pass_session
def index_build_command(session: Session, space: str | None, kind: str) -> None:
    """Build a space's index, or build it anew, and measure its recall against exact search."""
    with progress_bar() as progress:
        built = session.open().build_index(space, kind=kind, progress=progress)  # type: ignore[arg-type]
    if session.json:
        return print_json(built)
    click.echo(f"{count(built.samples, 'sample')} indexed; {told_index(built)}")
    click.echo(f"Ask it with: catalog search TEXT --space {built.space} --ann")


@index_group.command("drop")
@click.option("--space", help="Embedding space; may be left out if there is one.")
@common
@pass_session
def index_drop_command(session: Session, space: str | None) -> None:
    """Forget a space's index; its vectors stay, and searches are exact again."""
    dropped = session.open().drop_index(space)
    if session.json:
        return print_json({"space": dropped, "dropped": True})
    click.echo(f"dropped the index of the space {dropped}")
