"""Commands for the home itself: make it, look at it, upgrade it, copy it."""

import click

from catalog.cli.frame import Session, common, pass_session
from catalog.cli.output import count, near, print_json, print_table

ROWS_SHOWN = 10
"""Of each listing in `status`, so that it stays on one screen."""


@click.command("init")
@click.option("--no-compress", is_flag=True, help="Leave text uncompressed in the file.")
@common
@pass_session
def init_command(session: Session, no_compress: bool) -> None:
    """Make a catalog home."""
    from catalog.migrate import initialise, newest

    home, made = initialise(session.home, compress=not no_compress)
    if session.json:
        return print_json({"home": home.path, "revision": newest(), "made": made})
    verb = "made" if made else "found"
    click.echo(f"{verb} a catalog home at {near(home.path)} (schema revision {newest()})")
    click.echo("Next: catalog ingest FILE… --source NAME")


@click.command("status")
@common
@pass_session
def status_command(session: Session) -> None:
    """Show the whole picture on one screen."""
    found = session.open().status()
    if session.json:
        return print_json(found)
    totals = found.totals
    click.echo(
        f"{near(found.home)}: schema revision {found.revision}, "
        f"{found.size_bytes / 1e6:,.1f} MB, change {totals['change_id']}"
    )
    click.echo(
        f"{count(totals['samples'], 'sample')} ({totals['retired']:,} retired) "
        f"from {count(totals['appearances'], 'row')}, {totals['rejections']:,} refused; "
        f"{count(totals['runs'], 'run')}, {count(totals['exposures'], 'exposure')}"
    )
    shown = {
        "sources": ("source", "format", "license", "appearances", "samples"),
        "tasks": ("name", "role", "revision", "queries"),
        "spaces": ("name", "model", "pooling", "text", "width", "samples", "cut"),
        "snapshots": ("name", "version", "method", "size", "tokens", "runs"),
        "jobs": ("job_id", "kind", "status", "rows_read", "rows_added", "rows_refused"),
    }
    for name, columns in shown.items():
        rows = getattr(found, name)
        click.echo(f"\n{name}" + ("" if rows else ": none yet"))
        if rows:
            print_table(rows[:ROWS_SHOWN], columns)
            if len(rows) > ROWS_SHOWN:
                click.echo(f"… and {len(rows) - ROWS_SHOWN} more")


@click.command("jobs")
@common
@pass_session
def jobs_command(session: Session) -> None:
    """List every job with its parameters, counts and errors."""
    rows = session.open().jobs()
    if session.json:
        return print_json({"jobs": rows})
    if not rows:
        click.echo("no job has run yet")
    for row in rows:
        took = (
            f"{row['finished_at'] - row['started_at']}".split(".")[0] if row["finished_at"] else ""
        )
        click.echo(
            f"job {row['job_id']}  {row['kind']}  {row['status']}  "
            f"{row['started_at']:%Y-%m-%d %H:%M:%S}  {took}"
        )
        click.echo(
            f"  rows: read {row['rows_read']:,} = added {row['rows_added']:,} + duplicate "
            f"{row['rows_duplicate']:,} + refused {row['rows_refused']:,}"
            + (f"; {row['rows_retired']:,} stay retired" if row["rows_retired"] else "")
        )
        given = {name: value for name, value in row["parameters"].items() if value}
        click.echo("  " + ", ".join(f"{name}={_brief(value)}" for name, value in given.items()))
        if row["error"]:
            click.echo(f"  error: {row['error']}")


def _brief(value: object) -> str:
    """Return a parameter on part of a line: of many values the first and their number."""
    if isinstance(value, list) and len(value) > 2:
        return f"{value[0]} and {len(value) - 1} more"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


@click.command("migrate")
@common
@pass_session
def migrate_command(session: Session) -> None:
    """Upgrade the home to the newest schema revision, copying the file aside first."""
    from catalog.home import Home
    from catalog.migrate import current, upgrade

    home = Home.at(session.home)
    before = current(home)
    copy = upgrade(home)
    after = current(home)
    if session.json:
        return print_json({"home": home.path, "before": before, "after": after, "copy": copy})
    if before == after:
        click.echo(f"{near(home.path)} is at schema revision {after}, the newest")
    else:
        click.echo(f"{near(home.path)}: schema revision {before} → {after}")
        click.echo(f"the file as it was: {near(copy) if copy else 'there was none'}")


@click.command("backup")
@click.argument("folder", type=click.Path())
@common
@pass_session
def backup_command(session: Session, folder: str) -> None:
    """Copy the home whole into a new FOLDER, which is a home itself."""
    made = session.open().backup(folder)
    if session.json:
        return print_json(made)
    click.echo(f"copied {made.size_bytes / 1e6:,.1f} MB to {near(made.path)}")
    click.echo(f"Bring it back with: catalog restore {near(made.path)} --home NEW")


@click.command("restore")
@click.argument("folder", type=click.Path(exists=True, file_okay=False))
@common
@pass_session
def restore_command(session: Session, folder: str) -> None:
    """Make the home (--home) out of a backup in FOLDER."""
    from catalog.backup import restore

    made = restore(folder, session.home)
    if session.json:
        return print_json(made)
    click.echo(f"restored {made.size_bytes / 1e6:,.1f} MB to {near(made.path)}")
