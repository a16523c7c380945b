"""The search command: what the pool holds that is near to a text, or to a sample."""

import sys
from typing import TYPE_CHECKING, Any

import click

from catalog.cli.frame import Session, common, pass_session
from catalog.cli.output import count, one_line, print_json
from catalog.cli.progress import progress_bar

if TYPE_CHECKING:
    from rich.console import Console

    from catalog.search.index import Index
    from catalog.search.searching import Found

WIDEST = 120
LINES_SHOWN = 2
"""Of each message."""

INDENT = 4
MOST_CHARACTERS = 2000
"""Further into a message nothing is shown, so nothing is laid out."""


@click.command("search")
@click.argument("text", required=False)
@click.option("--like", metavar="HASH|ID", help="Instead of a text: the samples nearest to this.")
@click.option("--space", help="Embedding space; may be left out if there is one.")
@click.option("-k", "k", type=int, default=10, show_default=True, help="Samples to find.")
@click.option("--where", help="SQL condition on the pool, such as \"source = 'dolly'\".")
@click.option("--ann", is_flag=True, help="Ask the space's index (`catalog index`).")
@click.option("--skip-missing", is_flag=True, help="Leave out samples without a vector.")
@common
@pass_session
def search_command(
    session: Session,
    /,
    text: str | None,
    **options: Any,  # noqa: ANN401 - as `Catalog.search` takes them
) -> None:
    """Find the samples nearest to TEXT, best first; TEXT may be - for standard input.

    The text is embedded as a query of the space. The search is exact unless --ann is given.
    """
    if text == "-":
        text = sys.stdin.read()
    with progress_bar() as progress:
        found = session.open().search(text, progress=progress, **options)
    if session.json:
        return print_json(found)
    return _show(found)


def _show(found: "Found") -> None:
    from rich.console import Console

    console = Console(file=sys.stdout, highlight=False, markup=False, emoji=False)
    console = Console(
        file=sys.stdout,
        width=min(console.width, WIDEST),
        highlight=False,
        markup=False,
        emoji=False,
    )
    for row in found.samples:
        _show_sample(console, row)
    if not found.samples:
        click.echo("no sample found")
    click.echo(_told(found))


def _show_sample(console: "Console", row: dict[str, Any]) -> None:
    """Print one sample: where it stands, and how its conversation begins."""
    named = f" {row['external_id']}" if row["external_id"] else ""
    head = f"{row['rank'] + 1:>2}  {row['score']:.4f}  {row['hash'][:12]}  {row['source']}{named}"
    console.print(head, overflow="ellipsis", no_wrap=True, style="bold")
    messages = row["messages"]
    shown = [
        next((message for message in messages if message["role"] == role), None)
        for role in ("user", "assistant")
    ]
    begun = [message for message in shown if message is not None] or messages[:1]
    for message in begun:
        _show_message(console, message)
    if more := len(messages) - len(begun):
        click.echo(f"{' ' * INDENT}… and {count(more, 'more message')}")
    click.echo("")


def _show_message(console: "Console", message: dict[str, Any]) -> None:
    """Print the first words of a message, wrapped to the terminal."""
    from rich.text import Text

    content = one_line((message["content"] or "…")[:MOST_CHARACTERS])
    text = Text(f"{message['role']}: {content}")
    lines = text.wrap(console, console.width - INDENT)
    for line in lines[: LINES_SHOWN - 1]:
        console.print(" " * INDENT + line.plain.rstrip(), no_wrap=True, overflow="crop")
    rest = " ".join(line.plain.strip() for line in lines[LINES_SHOWN - 1 :])
    if rest:
        console.print(" " * INDENT + rest, no_wrap=True, overflow="ellipsis")


def _told(found: "Found") -> str:
    """Return how the answer came about."""
    if found.index is None:
        exact = f"exact, among {count(found.searched or 0, 'sample')} of the space {found.space}"
        return f"{exact} ({found.note})" if found.note else exact
    told = told_index(found.index)
    return f"{told}\n({found.note})" if found.note else told


def told_index(index: "Index") -> str:
    """Return what an index promises, in words."""
    if index.recall is None:
        recall = "its recall was not measured, as its build was cut short"
    else:
        recall = (
            f"recall@{index.recall_at} {index.recall:.3f}, measured on "
            f"{count(index.queries, 'query')}"
        )
    told = f"approximate, by the index {index.kind} of the space {index.space}: {recall}"
    if index.later:
        told += f"; {count(index.later, 'sample')} came after it was built"
    if index.stale or index.recall is None:
        told += f"\nBuild it again with: catalog index build --space {index.space}"
    return told
