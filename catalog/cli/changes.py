"""Commands that hold a snapshot against another one, or against itself made again."""

import sys
from typing import TYPE_CHECKING, Any

import click

from catalog.cli.frame import Session, common, pass_session
from catalog.cli.output import count, print_json, print_table, shorten
from catalog.cli.progress import progress_bar
from catalog.cli.why import text_of

if TYPE_CHECKING:
    from catalog.why.diff import Difference


@click.command("reproduce")
@click.argument("snapshot")
@common
@pass_session
def reproduce_command(session: Session, snapshot: str) -> None:
    """Run a SNAPSHOT's recipe again on the pool as it was, and compare; exits 1 if it differs."""
    with progress_bar() as progress:
        found = session.open().reproduce(snapshot, progress=progress)
    if session.json:
        print_json(found)
    elif found.identical:
        click.echo(
            f"{found.snapshot} comes out identical: {count(found.totals['kept'], 'member')} in "
            f"the same order, each for the same reason\ndigest {found.digest}"
        )
    else:
        click.echo(f"{found.snapshot} does not come out as it was frozen")
        _show_totals(found.totals)
        for cause in found.causes:
            click.echo(f"why: {cause}")
        if found.places:
            click.echo("\nfirst places that differ")
            print_table([_place(row) for row in found.places])
    if not session.json:
        for note in found.notes:
            click.echo(f"note: {note}")
    if not found.identical:
        sys.exit(1)


def _show_totals(totals: dict[str, Any]) -> None:
    if not totals:
        return
    click.echo(f"{totals['kept']:,} members were frozen, {totals['remade']:,} come out now")
    if totals["places"]:
        click.echo(
            f"{count(totals['places'], 'place')} differ{'s' if totals['places'] == 1 else ''}, "
            f"the first at position "
            f"{totals['first_difference']:,}: {totals['went']:,} members out, "
            f"{totals['came']:,} in, {totals['moved']:,} moved"
        )
    if totals["reasons"]:
        click.echo(f"{count(totals['reasons'], 'member')} in the same place for another reason")


def _place(row: dict[str, Any]) -> dict[str, Any]:
    def score(value: float | None) -> str:
        return "" if value is None else f"{value:.8f}"

    return {
        "position": row["position"],
        "frozen": (row["frozen"] or "")[:12],
        "its score": score(row["frozen_score"]),
        "now": (row["now"] or "")[:12],
        "its score now": score(row["now_score"]),
    }


@click.command("diff")
@click.argument("before")
@click.argument("after")
@click.option("--limit", type=int, default=3, show_default=True, help="Examples of each reason.")
@common
@pass_session
def diff_command(session: Session, before: str, after: str, limit: int) -> None:
    """Say what came in, went out and moved from BEFORE to AFTER, and why."""
    with progress_bar() as progress:
        found = session.open().diff(before, after, limit=limit, progress=progress)
    if session.json:
        return print_json(found)
    return _show_difference(found)


def _show_difference(found: "Difference") -> None:
    totals = found.totals
    click.echo(
        f"{found.before} ({count(totals['before'], 'member')}) → "
        f"{found.after} ({count(totals['after'], 'member')})"
    )
    if found.identical:
        click.echo("the same members in the same order")
    else:
        click.echo(
            f"{totals['came']:,} in, {totals['went']:,} out, {totals['moved']:,} moved, "
            f"{totals['stayed']:,} in the same place"
        )
    _show_asked(found)
    _show_pools(found)
    for name, heading in (("came", "in"), ("went", "out"), ("moved", "moved")):
        if totals[name]:
            click.echo(f"\n{heading}: {totals[name]:,}")
            _show_reasons(found, name)
    for note in found.notes:
        click.echo(f"note: {note}")


def _show_asked(found: "Difference") -> None:
    if not found.recipe:
        return click.echo("\nasked for alike: the recipes are the same")
    click.echo("\nasked for otherwise")
    for row in found.recipe:
        before, after = (
            "not given" if row[side] is None else shorten(str(row[side]), 60)
            for side in ("before", "after")
        )
        click.echo(f"  {row['field']}: {before} → {after}")
    return None


def _show_pools(found: "Difference") -> None:
    if found.pool_is_newer is None:
        return click.echo("chosen from the same pool")
    told = [
        f"{number:,} {name.replace('_', ' ')}" for name, number in found.pools.items() if number
    ]
    newer = found.after if found.pool_is_newer == "after" else found.before
    return click.echo(f"{newer} saw a newer pool: {', '.join(told) or 'nothing that counts'}")


def _show_reasons(found: "Difference", name: str) -> None:
    for reason in found.reasons[name]:
        click.echo(f"  {reason['rows']:,} {reason['said']}")
        for row in found.examples[name]:
            if row["reason"] == reason["reason"]:
                click.echo(f"    {row['hash'][:12]}  {row['source']}  {_how(row)}")
                click.echo(f"      {text_of(row['messages'])}")


def _how(row: dict[str, Any]) -> str:
    """Return how a row's place changed, as people read it."""

    def place(side: str) -> str:
        position, turn = row[f"{side}_position"], row[f"{side}_turn"]
        if position is None:
            return "out"
        return f"position {position:,}" + ("" if turn is None else f" (turn {turn:,})")

    far = row.get("distance")
    if far is None:
        return f"{place('before')} → {place('after')}"
    then = f"turn {far['turn']:,}, the cut was {far['cut']:,}"
    if row["before_position"] is None:
        return f"{then} → {place('after')}"
    return f"{place('before')} → {then}"
