"""The demo command."""

import click


@click.command("demo")
@click.option(
    "--folder",
    type=click.Path(file_okay=False),
    default="catalog-demo",
    show_default=True,
    help="Where the demo's files and its home go.",
)
def demo_command(folder: str) -> None:
    """Watch the whole job on a small real pool: ingest, embed, select, train, audit."""
    from catalog.demo.story import tell

    tell(folder)
