"""Commands that take samples back, destroy them, and look whether the home is whole."""

import sys
from typing import TYPE_CHECKING, Any

import click

from catalog.cli.frame import Command, Session, common, pass_session
from catalog.cli.output import count, print_json, shorten
from catalog.cli.progress import progress_bar

if TYPE_CHECKING:
    from catalog.checking import Fault
    from catalog.purging import Purge, PurgePlan
    from catalog.retire import Retirement

LISTED = 20
"""Of each list, so that the text stays on a few screens; --json gives all."""


def selectors(command: Command) -> Command:
    """Give a command the options that say which samples are meant."""
    for option in (
        click.option("--keep-shared", is_flag=True, help="Spare what other sources hold too."),
        click.option("--source", metavar="S", help="Samples of this source, or NAME@REVISION."),
        click.option(
            "--ids",
            metavar="FILE",
            help="Samples listed in a file: hashes or external ids by line, JSONL or Parquet.",
        ),
        click.option("--where", metavar="SQL", help="Samples that fulfil it, as select --where."),
    ):
        command = option(command)
    return command


@click.command("retire")
@selectors
@click.option("--reason", default="", help="Why; kept beside each sample. Required to retire.")
@click.option("--restore", is_flag=True, help="Bring retired samples back instead.")
@click.option("--dry-run", is_flag=True, help="Tell what would be done, and do nothing.")
@common
@pass_session
def retire_command(
    session: Session,
    /,
    reason: str,
    restore: bool,
    **options: Any,  # noqa: ANN401 - as `Catalog.retire` takes them
) -> None:
    """Take samples out of the pool for every later selection, or bring them back.

    Of several conditions, samples that fulfil all are meant. Snapshots and runs that hold them
    stay as they are, can be verified, and are listed.
    """
    catalog = session.open()
    if restore:
        found = catalog.restore(reason=reason, **options)
    else:
        found = catalog.retire(reason=reason, **options)
    if session.json:
        print_json(found)
    else:
        _show_retirement(found)
    if found.purged:
        sys.exit(1)


def _show_retirement(found: "Retirement") -> None:
    done, state = ("retired", "retired") if found.retired else ("restored", "in the pool")
    would = "would be " if found.dry_run else ""
    click.echo(f"{count(found.samples, 'sample')} {would}{done}")
    if found.already:
        click.echo(f"{found.already:,} were {state} before and stay so")
    if not found.samples and not found.already and not found.purged:
        click.echo("no sample fulfils what was asked")
    if found.unknown:
        click.echo(f"{count(len(found.unknown), 'entry')} of the list name no sample here:")
        _list(found.unknown)
    if found.shared:
        kept = "stay as they are" if found.spared else "are among them; --keep-shared spares them"
        click.echo(f"{found.shared:,} of the source came from other sources too, and {kept}")
    for row in found.snapshots[:LISTED]:
        click.echo(f"  held by {row['snapshot']}: {row['members']:,} of {row['size']:,} members")
    for row in found.runs[:LISTED]:
        click.echo(
            f"  seen by {row['run']}: {count(row['samples'], 'sample')}, "
            f"{count(row['exposures'], 'exposure')}, steps {row['first_step']:,} to "
            f"{row['last_step']:,}"
        )
    more = max(len(found.snapshots) - LISTED, 0) + max(len(found.runs) - LISTED, 0)
    if more:
        click.echo(f"  … and {more:,} more (--json gives all)")
    if found.purged:
        click.echo(
            f"{count(len(found.purged), 'sample')} cannot be restored: the text was purged. "
            "Ingest it into another home if it is to be used again."
        )
        _list(found.purged)
    if found.retired and found.samples and not found.dry_run:
        click.echo(
            "Next: catalog purge destroys their text and vectors; --restore undoes", err=True
        )


def _list(names: "list[str]") -> None:
    for name in names[:LISTED]:
        click.echo(f"  {shorten(name)}")
    if len(names) > LISTED:
        click.echo(f"  … and {len(names) - LISTED:,} more (--json gives all)")


@click.command("purge")
@selectors
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Tell what would be destroyed, and do nothing.")
@common
@pass_session
def purge_command(
    session: Session,
    /,
    yes: bool,
    dry_run: bool,
    **options: Any,  # noqa: ANN401 - as `Catalog.purge` takes them
) -> None:
    """Destroy the text and vectors of retired samples, everywhere in the home and for good.

    Their hashes and history stay. Without a condition all retired samples are meant.
    """
    catalog = session.open()
    planned = catalog.plan_purge(**options)
    if dry_run:
        return print_json(planned) if session.json else _show_plan(planned)
    if not yes:
        if session.json:
            raise click.UsageError("--json cannot ask: add --yes")
        _show_plan(planned)
        if not planned.samples and not planned.unfinished:
            return None
        click.confirm("Destroy this? It cannot be undone", abort=True)
    with progress_bar() as progress:
        done = catalog.purge(**options, progress=progress)
    return print_json(done) if session.json else _show_purge(done)


def _show_plan(planned: "PurgePlan") -> None:
    if not planned.samples:
        click.echo(
            "no retired sample still has text"
            + ("; a purge that was cut short is to be finished" if planned.unfinished else "")
        )
        return _show_beyond(planned.beyond)
    click.echo(f"to be destroyed: the text and vectors of {count(planned.samples, 'sample')}")
    for row in planned.snapshots[:LISTED]:
        click.echo(f"  {row['snapshot']} keeps the hashes of {count(row['members'], 'member')}")
    return _show_beyond(planned.beyond)


def _show_purge(done: "Purge") -> None:
    click.echo(f"purged {count(done.samples, 'sample')}; their hashes and history stay")
    click.echo(
        f"database written anew: {done.bytes_before / 1e6:,.1f} → {done.bytes_after / 1e6:,.1f} MB"
    )
    for what, number in done.emptied.items():
        if number:
            click.echo(f"  emptied {what}: {number:,}")
    for table, rows in done.vectors.items():
        click.echo(f"  vectors taken out of {table}: {rows:,}")
    for name in done.indexes:
        click.echo(f"  the index of {name} is gone: catalog index build --space {name}")
    for path in done.removed[:LISTED]:
        click.echo(f"  removed {path}")
    if len(done.removed) > LISTED:
        click.echo(f"  removed {len(done.removed) - LISTED:,} more files (--json names all)")
    _show_beyond(done.beyond)


def _show_beyond(beyond: "list[str]") -> None:
    if beyond:
        click.echo("out of reach, look yourself:")
        _list(beyond)


@click.command("check")
@common
@pass_session
def check_command(session: Session) -> None:
    """Look whether the home is whole: what is broken, and how to mend it."""
    with progress_bar() as progress:
        found = session.open().check(progress=progress)
    if session.json:
        print_json(found)
    else:
        for fault in found.faults:
            _show_fault(fault)
        state = f"{count(len(found.faults), 'fault')}" if found.faults else "all is in order"
        click.echo(f"{count(found.checks, 'check')}: {state}")
    if found.faults:
        sys.exit(1)


def _show_fault(fault: "Fault") -> None:
    click.echo(f"{fault.check}: {fault.what}")
    for example in fault.examples:
        click.echo(f"    {shorten(example)}")
    if fault.found > len(fault.examples):
        click.echo(f"    … {fault.found:,} in all")
    click.echo(f"  to mend it: {fault.mend}")
