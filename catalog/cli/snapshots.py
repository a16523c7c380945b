"""Commands on snapshots: list, show, verify, rename, delete."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from catalog.cli.frame import Session, common, pass_session
from catalog.cli.output import count, plain, print_json, print_table, shorten
from catalog.cli.progress import progress_bar
from catalog.identity import plain_messages

if TYPE_CHECKING:
    from catalog.snapshot import Snapshot


def facts(snapshot: "Snapshot") -> dict[str, Any]:
    """Return what a program wants to know of a snapshot."""
    import json

    found: dict[str, Any] = plain(
        {name: value for name, value in vars(snapshot).items() if name not in ("home", "recipe")}
    )
    return {"snapshot": str(snapshot), **found, "recipe": json.loads(snapshot.recipe.json())}


def headline(snapshot: "Snapshot") -> str:
    """Return a snapshot in one line."""
    tokens = f", {count(snapshot.tokens, 'token')}" if snapshot.tokens is not None else ""
    return f"{snapshot}: {count(snapshot.size, 'sample')}{tokens}, digest {snapshot.digest[:16]}"


@click.command("snapshots")
@common
@pass_session
def snapshots_command(session: Session) -> None:
    """List the snapshots, newest first."""
    rows = session.open().snapshots()
    if session.json:
        return print_json({"snapshots": rows})
    if not rows:
        click.echo("no snapshot yet. Make one with: catalog select NAME --method random --size N")
        return None
    shown = [
        {
            "snapshot": f"{row['name']}@{row['version']}",
            **{k: row[k] for k in ("method", "size", "tokens", "space", "runs", "created_at")},
            "digest": row["digest"][:16],
        }
        for row in rows
    ]
    return print_table(shown)


@click.command("show")
@click.argument("snapshot")
@click.option("--recipe", is_flag=True, help="Print only the recipe, for `select --recipe`.")
@common
@pass_session
def show_command(session: Session, snapshot: str, recipe: bool) -> None:
    """Show a SNAPSHOT: its recipe, its mix, and why its first members were chosen."""
    catalog = session.open()
    if recipe:
        found = catalog.snapshot(snapshot)
        if session.json:
            return print_json({"snapshot": str(found), "recipe": found.recipe.plain()})
        return click.echo(found.recipe.yaml(), nl=False)
    view = catalog.show(snapshot)
    found, mix, first = view.snapshot, view.sources, view.first_members
    if session.json:
        listed = {"sources": mix, "first_members": first, "exports": view.exports}
        return print_json({**facts(found), **listed})
    click.echo(headline(found))
    click.echo(f"made {found.created_at:%Y-%m-%d %H:%M:%S} by {found.software_version}", nl=False)
    click.echo(f", from the pool as of change {found.pool_change_id}")
    if found.note:
        click.echo(f"note: {found.note}")
    click.echo(f"\n{view.method}")
    click.echo("\nrecipe\n  " + found.recipe.yaml().strip().replace("\n", "\n  "))
    click.echo("\nsources")
    print_table([{**row, **_percentages(row)} for row in mix])
    click.echo("\nfirst members, and why")
    _show_members(first)
    if view.exports:
        click.echo("\nexports")
        print_table(view.exports)
    return None


def _percentages(row: dict[str, Any]) -> dict[str, str]:
    return {name: f"{row[name]:.1%}" for name in ("share", "share_of_pool")}


def _show_members(rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        why = [f"turn {row['turn']}"] if row["turn"] is not None else []
        if row["task"] is not None:
            why.append(f"task {row['task']}")
        if row["rank"] is not None:
            why.append(f"rank {row['rank']}")
        if row["score"] is not None:
            why.append(f"score {row['score']:.4f}")
        click.echo(f"{row['position']:>3}  {row['hash'][:16]}  {row['source']}  {', '.join(why)}")
        click.echo(f"     {_text(row['messages'])}")
        if row["query_messages"]:
            click.echo(f"     for query {row['query'] or ''}: {_text(row['query_messages'])}")


def _text(messages: Sequence[dict[str, Any]]) -> str:
    return shorten(" ⏵ ".join(m["content"] or "…" for m in plain_messages(messages)))


@click.command("verify")
@click.argument("snapshot")
@common
@pass_session
def verify_command(session: Session, snapshot: str) -> None:
    """Check that a SNAPSHOT holds, to the byte, what was frozen."""
    from catalog.verification import require_verified

    with progress_bar() as progress:
        found = session.open().verify(snapshot, progress=progress)
    if session.json:
        print_json(found)
    require_verified(found)
    if not session.json:
        anew = found.members - found.purged
        click.echo(f"{found.snapshot}: {count(anew, 'member')} hashed anew, all as frozen")
        if found.purged:
            gone = f"the texts of {found.purged:,} are gone (purged): their stored hashes stand"
            click.echo(f"{gone} for them, and the digest is as frozen")


@click.command("rename")
@click.argument("old")
@click.argument("new")
@common
@pass_session
def rename_command(session: Session, old: str, new: str) -> None:
    """Give all versions of the snapshot OLD the name NEW."""
    versions = session.open().rename(old, new)
    if session.json:
        return print_json({"old": old, "new": new, "versions": versions})
    click.echo(f"{old} is now {new}: {count(versions, 'version')}")
    return None


@click.command("delete")
@click.argument("snapshot")
@common
@pass_session
def delete_command(session: Session, snapshot: str) -> None:
    """Forget a SNAPSHOT that no run used; its number is not used again."""
    found = session.open().delete(snapshot)
    if session.json:
        return print_json({"deleted": str(found)})
    click.echo(f"deleted {found}; its samples stay in the pool")
    return None
