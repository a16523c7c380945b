"""Commands that answer who saw what."""

from typing import TYPE_CHECKING, Any

import click

from catalog.cli.frame import CatalogGroup, Session, common, pass_session
from catalog.cli.output import count, print_json, print_table, shorten

if TYPE_CHECKING:
    from catalog.audit import SampleAudit

STEPS_SHOWN = 12


@click.group("audit", cls=CatalogGroup)
def audit_group() -> None:
    """Tell who saw what: a run's samples, a sample's runs."""


@audit_group.command("sample")
@click.argument("reference", metavar="HASH|ID")
@common
@pass_session
def audit_sample_command(session: Session, reference: str) -> None:
    """Tell where a sample came from, which snapshots hold it, which runs saw it and when."""
    found = session.open().audit_sample(reference)
    if session.json:
        return print_json(found)
    click.echo(f"sample {found.hash}")
    for message in found.messages:
        click.echo(f"  {message['role']}: {shorten(message['content'] or '…')}")
    if found.retired:
        click.echo(f"retired: {found.retired}")
    click.echo("\ncame from")
    for row in found.sources:
        named = f", id {row['external_id']}" if row["external_id"] else ""
        click.echo(f"  {row['source']}@{row['revision']}: {row['file']}:{row['line']}{named}")
    _show_snapshots(found)
    _show_runs(found)
    return _show_unimported(found.unimported)


def _show_snapshots(found: "SampleAudit") -> None:
    click.echo("\nheld by" if found.snapshots else "\nheld by no snapshot")
    for row in found.snapshots:
        why = [f"position {row['position']}"]
        if row["task"]:
            why.append(f"for task {row['task']}, query {row['query']}")
        if row["score"] is not None:
            why.append(f"score {row['score']:.4f}, rank {row['rank']}")
        click.echo(f"  {row['snapshot']} ({row['method']}): {', '.join(why)}")


def _show_runs(found: "SampleAudit") -> None:
    click.echo("\nseen by" if found.runs else "\nno imported run saw it")
    for row in found.runs:
        again = f" (attempt {row['attempt']})" if row["attempt"] else ""
        click.echo(
            f"  {row['run']}{again}: {count(row['exposures'], 'time')}, {_steps(row['steps'])}"
        )


def _steps(steps: list[int]) -> str:
    """Return a list of steps as people read it.

    >>> _steps([3]), _steps([3, 8])
    ('step 3', 'steps 3, 8')
    """
    shown = ", ".join(f"{step:,}" for step in steps[:STEPS_SHOWN])
    more = f", … {steps[-1]:,}" if len(steps) > STEPS_SHOWN else ""
    return f"step{'s' if len(steps) > 1 else ''} {shown}{more}"


def _show_unimported(runs: list[str]) -> None:
    if runs:
        click.echo(
            f"\nledgers not imported yet, so not covered here: {', '.join(runs)}"
            "\nTake them in with: catalog runs import"
        )


@audit_group.command("run")
@click.argument("run")
@common
@pass_session
def audit_run_command(session: Session, run: str) -> None:
    """Tell what a RUN saw, and whether that is what its snapshot holds."""
    found = session.open().audit_run(run)
    if session.json:
        return print_json(found)
    row = found.summary
    click.echo(f"run {row['run']}: model {row['model'] or 'not told'}")
    click.echo(
        f"recorded: steps {row['first_step']} to {row['last_step']} ({row['steps']:,} with "
        f"exposures), {count(row['attempts'], 'attempt')}"
        if row["exposures"]
        else "recorded: nothing"
    )
    click.echo(
        f"saw {count(row['samples'], 'sample')} in {count(row['exposures'], 'exposure')}"
        + _unknown(row)
    )
    if row["snapshot"]:
        click.echo(
            f"its snapshot {row['snapshot']} holds {row['members']:,}: "
            f"{row['members_not_seen']:,} of them not seen, "
            f"{row['samples_not_members']:,} seen that are not in it"
        )
    else:
        click.echo("no snapshot of this catalog is known for it")
    if found.sources:
        click.echo("")
        print_table(found.sources)
    return _show_unimported([name for name in found.unimported if name == run])


def _unknown(row: dict[str, Any]) -> str:
    number = row["unknown_exposures"]
    return f", {number:,} of samples that are not in the catalog" if number else ""
