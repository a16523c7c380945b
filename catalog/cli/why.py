"""The explain command: why a snapshot holds a sample, or does not."""

from typing import TYPE_CHECKING, Any

import click

from catalog.cli.frame import Session, common, pass_session
from catalog.cli.output import count, print_json, print_table, shorten
from catalog.cli.progress import progress_bar

if TYPE_CHECKING:
    from catalog.why.explanation import Explanation

LISTS_SHOWN = 8


@click.command("explain")
@click.argument("snapshot")
@click.option(
    "--sample",
    required=True,
    metavar="HASH|ID",
    help="Content hash, at least 8 digits of one, or external id.",
)
@common
@pass_session
def explain_command(session: Session, snapshot: str, sample: str) -> None:
    """Say why a SNAPSHOT holds a sample, or how far it was from holding it."""
    with progress_bar() as progress:
        found = session.open().explain(snapshot, sample, progress=progress)
    if session.json:
        return print_json({"chosen": found.chosen, **vars(found)})
    return _show_explanation(found)


def _show_explanation(found: "Explanation") -> None:
    click.echo(f"{found.snapshot}: {found.method}, {count(found.size, 'member')}")
    click.echo(f"sample {found.sample['hash']}")
    named = f", id {found.sample['external_id']}" if found.sample["external_id"] else ""
    retired = f"; retired: {found.sample['retired']}" if found.sample["retired"] else ""
    click.echo(f"  from {found.sample['source']}{named}{retired}")
    _show_messages(found.sample["messages"])
    _show_verdict(found)
    _show_lists(found)
    _show_competitors(found)
    _show_neighbours(found)


def _show_verdict(found: "Explanation", indent: str = "") -> None:
    click.echo("")
    for sentence in found.verdict:
        click.echo(f"{indent}{sentence}")
    if found.reason.get("query_messages"):
        _show_messages(found.reason["query_messages"], f"{indent}  query, ")
    for note in found.notes:
        click.echo(f"{indent}note: {note}")
    for part in found.parts:
        click.echo(f"\n{indent}part {part.snapshot}: {part.method}", nl=False)
        _show_verdict(part, f"{indent}  ")


def _show_messages(messages: list[dict[str, Any]], indent: str = "  ") -> None:
    for message in messages:
        click.echo(f"{indent}{message['role']}: {shorten(message['content'] or '…', 240)}")


def _show_lists(found: "Explanation") -> None:
    if not found.lists:
        return
    click.echo("\nevery list it stands in, the first to come to it on top")
    rows = [
        {
            "list": _by(row),
            "turn": row["turn"],
            "rank": row["rank"],
            "score": _score(row["score"]),
            "walked to": row["reached"],
            "score there": _score(row["needed_score"]),
            "fate": row["fate"],
        }
        for row in found.lists[:LISTS_SHOWN]
    ]
    print_table(rows)
    if len(found.lists) > LISTS_SHOWN:
        click.echo(f"… and {count(len(found.lists) - LISTS_SHOWN, 'list')} more: --json has all")


def _by(row: dict[str, Any]) -> str:
    """Return the task and query that chose a sample, as people read them."""
    place = row["query_position"]
    query = row["query"] or ("" if place is None else f"number {place}")
    task = row["task"] or ""
    return query if task and query.startswith(task) else f"{task} {query}".strip()


def _score(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _show_competitors(found: "Explanation") -> None:
    if not found.competitors:
        return
    if not found.lists:
        click.echo("\nabout it in the rule's order")
    elif any(row["this"] for row in found.competitors):
        click.echo("\nwhat it competed with in that list")
    else:
        click.echo("\nwhat has the last places of that list")
    _show_rows(
        [
            ("▸" if row["this"] else "", f"{row['rank']:,}", row, row["fate"])
            for row in found.competitors
        ]
    )


def _show_neighbours(found: "Explanation") -> None:
    if not found.neighbours or (found.chosen and found.competitors and not found.lists):
        return  # the rule's order has shown them
    click.echo("\nin order" if found.chosen else "\nthe last members")
    _show_rows(
        [
            (
                "▸" if row["position"] == found.position else "",
                f"{row['position']:,}",
                row,
                " ".join(
                    [
                        *([] if row["turn"] is None else [f"turn {row['turn']:,}"]),
                        *([] if row["task"] is None else [f"by {_by(row)}"]),
                    ]
                ),
            )
            for row in found.neighbours
        ]
    )


def _show_rows(rows: list[tuple[str, str, dict[str, Any], str]]) -> None:
    """Print samples, each on a line, with the beginning of its text on the next."""
    widths = [max(len(row[1]) for row in rows), max(len(_score(row[2]["score"])) for row in rows)]
    for mark, place, row, told in rows:
        score = f"{_score(row['score']):>{widths[1]}}  " if widths[1] else ""
        click.echo(
            f"{mark:1} {place:>{widths[0]}}  {score}{row['hash'][:12]}  {row['source']}  {told}"
        )
        click.echo(f"  {'':>{widths[0]}}  {text_of(row['messages'])}")


def text_of(messages: list[dict[str, Any]]) -> str:
    """Return the beginning of a conversation, on one line."""
    return shorten(" ⏵ ".join(message["content"] or "…" for message in messages), 60)
