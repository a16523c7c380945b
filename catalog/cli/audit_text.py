"""Audits in words: what a sceptic and a lawyer read."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from catalog.cli.output import count, one_line, print_table, shorten

if TYPE_CHECKING:
    from catalog.audit import (
        Coverage,
        SampleAudit,
        SourceAudit,
    )
    from catalog.search.text_audit import TextAudit

Row = dict[str, Any]
STEPS_SHOWN = 12
ROWS_SHOWN = 20


def tell_rows(title: str, rows: Sequence[Row]) -> None:
    """Print rows as a table under a title, the first of many."""
    click.echo(title)
    print_table(rows[:ROWS_SHOWN])
    if len(rows) > ROWS_SHOWN:
        click.echo(f"… {len(rows) - ROWS_SHOWN:,} more, all of them with --json")


def tell_sample(found: "SampleAudit", *, coverage: bool = True) -> None:
    """Print all that is known of a sample."""
    click.echo(f"sample {found.hash}")
    if not found.known:
        click.echo("  not in the catalog: only ledgers name this hash")
    for message in found.messages:
        click.echo(f"  {message['role']}: {shorten(message['content'] or '…')}")
    if found.retired:
        click.echo(f"retired: {one_line(found.retired)}")
    if found.known:
        click.echo("\ncame from")
        for row in first(found.sources):
            named = f", id {row['external_id']}" if row["external_id"] else ""
            click.echo(f"  {row['source']}@{row['revision']}: {row['file']}:{row['line']}{named}")
    _tell_holders(found)
    _tell_runs(found)
    if coverage:
        _tell_all_coverage(found.coverage, found.unimported)


def _tell_holders(found: "SampleAudit") -> None:
    click.echo("\nheld by" if found.snapshots else "\nheld by no snapshot")
    for row in first(found.snapshots):
        why = [f"position {row['position']}"]
        if row["task"]:
            why.append(f"for task {row['task']}, query {row['query']}")
        if row["score"] is not None:
            why.append(f"score {row['score']:.4f}, rank {row['rank']}")
        click.echo(f"  {row['snapshot']} ({row['method']}): {', '.join(why)}")


def _tell_runs(found: "SampleAudit") -> None:
    click.echo("\nseen by" if found.runs else "\nno imported run saw it")
    for row in first(found.runs):
        again = f" (attempt {row['attempt']})" if row["attempt"] else ""
        told = [f"{count(row['exposures'], 'time')}, {steps(row['steps'])}"]
        if row["loaded_steps"]:
            told.append(f"loaded only, not trained on, in {steps(row['loaded_steps'])}")
        if row["undone_steps"]:
            told.append(f"undone by a later attempt: {steps(row['undone_steps'])}")
        click.echo(f"  {row['run']}{again}: {'; '.join(told)}")
    for row in first(found.dropped):
        click.echo(
            f"  {row['run']} dropped it before training (attempt {row['attempt']}): "
            f"{one_line(row['reason'])}"
        )
    tell_models(found.checkpoints, found.descendants, "contained in")


def tell_models(checkpoints: Sequence[Row], descendants: Sequence[Row], title: str) -> None:
    """Print which checkpoints and which later runs contain what a model was trained on."""
    if checkpoints:
        click.echo(f"\n{title} {count(len(checkpoints), 'checkpoint')}")
    for row in first(checkpoints):
        given_up = "" if row["effective"] else ", a branch given up"
        path = f": {one_line(row['path'])}" if row["path"] else ""
        click.echo(
            f"  {row['run']}, step {row['step']:,} (attempt {row['attempt']}{given_up}){path}"
        )
    if descendants:
        click.echo(f"\ninherited by {count(len(descendants), 'run')}")
    for row in first(descendants):
        where = "its end" if row["step"] is None else f"its step {row['step']:,}"
        click.echo(f"  {row['run']}, tuned from {row['tuned_from']} after {where}")


def _tell_all_coverage(covered: "Sequence[Coverage]", unimported: Sequence[str]) -> None:
    from catalog.audit.coverage import all_runs

    click.echo(f"\ncoverage: {all_runs(covered, unimported)}")
    if unimported:
        click.echo("Take ledgers in with: catalog runs import")


def tell_text(found: "TextAudit") -> None:
    """Print what is known of a text."""
    number = "no sample" if not found.exact else count(found.exact, "sample")
    click.echo(f"exactly this text is a message of {number}")
    for position, one in enumerate(found.samples):
        click.echo("")
        tell_sample(one, coverage=position + 1 == len(found.samples))
    if found.exact > len(found.samples):
        click.echo(f"… {found.exact - len(found.samples):,} more samples with this message")
    if found.nearest is not None:
        click.echo(f"\nnearest in {found.nearest.space}, retired samples left out")
        for row in found.nearest.samples:
            texts = " / ".join(shorten(m["content"] or "…", 60) for m in row["messages"])
            click.echo(f"  {row['score']:.4f}  {row['hash'][:16]}  {texts}")
        click.echo("Ask of each with: catalog audit sample HASH")
    elif found.note:
        click.echo(f"\n{found.note}")


def tell_source(found: "SourceAudit") -> None:
    """Print what samples of a source touched."""
    click.echo(
        f"source {found.source}: {count(found.samples, 'sample')}, {found.only_there:,} of them "
        f"from nowhere else; revision {', '.join(found.revisions)}; "
        f"licence {', '.join(one for one in found.licenses if one) or 'not told'}"
    )
    if found.snapshots:
        tell_rows(f"\nheld by {count(len(found.snapshots), 'snapshot')}", found.snapshots)
    else:
        click.echo("\nheld by no snapshot")
    if found.runs:
        tell_rows(
            f"\nseen by {count(len(found.runs), 'run')}; undone: exposures that led to no model "
            "there is now",
            found.runs,
        )
    else:
        click.echo("\nno imported run saw any of it")
    tell_models([], found.descendants, "")
    _tell_all_coverage(found.coverage, found.unimported)


def first(rows: Sequence[Row]) -> Sequence[Row]:
    """Return the first of many rows, and say how many are left out."""
    if len(rows) > ROWS_SHOWN:
        click.echo(f"  ({ROWS_SHOWN} of {len(rows):,} are shown, all of them with --json)")
    return rows[:ROWS_SHOWN]


def steps(given: Sequence[int]) -> str:
    """Return a list of steps as people read it.

    >>> steps([3]), steps([3, 8])
    ('step 3', 'steps 3, 8')
    """
    shown = ", ".join(f"{step:,}" for step in given[:STEPS_SHOWN])
    more = f", … {given[-1]:,}" if len(given) > STEPS_SHOWN else ""
    return f"step{'s' if len(given) > 1 else ''} {shown}{more}"


def stretch(row: Row) -> str:
    """Return the steps from a row's first to its last.

    >>> stretch({"first_step": 3, "last_step": 3}), stretch({"first_step": 3, "last_step": 1200})
    ('step 3', 'steps 3 to 1,200')
    """
    if row["first_step"] == row["last_step"]:
        return f"step {row['first_step']:,}"
    return f"steps {row['first_step']:,} to {row['last_step']:,}"
