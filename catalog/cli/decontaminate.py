"""The decontaminate command."""

from typing import TYPE_CHECKING

import click

from catalog.cli.frame import Session, common, pass_session
from catalog.cli.output import count, print_json, print_table, shorten
from catalog.cli.progress import progress_bar

if TYPE_CHECKING:
    from catalog.contamination.check import Decontamination
    from catalog.contamination.recall import EncodeConversations
    from catalog.contamination.report import Example, TaskReport

TEXT_SHOWN = 220


@click.command("decontaminate")
@click.option(
    "--task",
    "tasks",
    multiple=True,
    help="Task to check against, NAME for its queries and held-out items, NAME:heldout for these "
    "alone; repeat for several.  [default: every task]",
)
@click.option(
    "--ngram", type=int, default=13, show_default=True, help="So many words in a row overlap."
)
@click.option("--cosine", type=float, help="Mark samples with at least this cosine to an item too.")
@click.option("--space", help="Embedding space for --cosine.  [default: the only one]")
@click.option(
    "--examples", type=click.IntRange(min=0), default=3, show_default=True, help="Marks to show."
)
@common
@pass_session
def decontaminate_command(
    session: Session,
    tasks: tuple[str, ...],
    ngram: int,
    cosine: float | None,
    space: str | None,
    examples: int,
) -> None:
    """Mark the samples of the pool that overlap tasks' queries or held-out items.

    Overlaps are runs of words of questions or of answers, a task's own boilerplate left out; short
    questions that are there whole; and with --cosine samples whose vectors are near an item's. The
    newest check of a task counts. Leaks planted on purpose show how much such a check finds.
    """
    encode: EncodeConversations | None = None
    if cosine is not None:
        from ingest.asking import encode_conversations

        encode = encode_conversations
    with progress_bar() as progress:
        found = session.open().decontaminate(
            tasks, ngram=ngram, cosine=cosine, space=space, encode=encode, progress=progress
        )
    if session.json:
        return print_json(found)
    _show(found, examples)


def _show(found: "Decontamination", examples: int) -> None:
    print_table([_row(report) for report in found.tasks])
    for report in found.tasks:
        if report.samples:
            _show_marks(report, examples)
    _show_limits(found.tasks)
    _show_recall(found.tasks)
    fresh = sum(report.fresh for report in found.tasks)
    standing = len(found.tasks) - fresh
    click.echo(
        f"\n{found.marked:,} of {count(found.samples, 'sample')} marked for "
        f"{count(len(found.tasks), 'query set')}"
        + (f"; {standing} had been checked like this before, on the same pool" if standing else "")
    )
    click.echo(
        "The marks are in the view `contaminated`: catalog sql "
        '"select task, hash, evidence from contaminated"'
    )
    click.echo("Next: catalog select NAME … --exclude-contaminated", err=True)


def _row(report: "TaskReport") -> dict[str, object]:
    kinds = {kind: 0 for kind in ("ngram", "whole", "cosine")}
    for row in report.by_kind:
        kinds[row["kind"]] = max(kinds[row["kind"]], row["samples"])
    return {
        "task": f"{report.task}:{report.role}",
        "items": report.findings.items,
        "marked_samples": report.samples,
        "items_they_overlap": report.marked_items,
        **kinds,
        "items_too_short": report.findings.unchecked,
        "check": report.check_id,
    }


def _show_marks(report: "TaskReport", examples: int) -> None:
    click.echo(f"\n{report.task}:{report.role}")
    for row in report.by_source:
        samples, items = count(row["samples"], "sample"), count(row["items"], "item")
        click.echo(f"  {row['source']}: {samples}, {items}")
    for example in report.examples[:examples]:
        _show_example(example)


def _show_example(example: "Example") -> None:
    click.echo(
        f"  {example.kind} {example.score:.2f}, {example.part}: {shorten(example.evidence)}\n"
        f"    sample {example.hash[:12]} of {example.source}: "
        f"{shorten(example.sample, TEXT_SHOWN)}\n"
        f"    item: {shorten(example.item, TEXT_SHOWN)}"
    )


def _show_limits(reports: "list[TaskReport]") -> None:
    """Say what could not be looked for, and what was left out of account."""
    click.echo("\nleft out of account")
    for report in reports:
        found = report.findings
        parts = ", ".join(f"{number:,} {part}s" for part, number in found.too_short.items())
        click.echo(f"  {report.task}:{report.role}: too short to look for: {parts}")
        for part, phrases in found.boilerplate.items():
            for phrase, times in phrases[:1]:
                click.echo(f"    boilerplate of {part}s, {times:,} times: {shorten(phrase, 100)}")


def _show_recall(reports: "list[TaskReport]") -> None:
    """Say how many of the leaks planted on purpose were found."""
    click.echo("\nof leaks planted on purpose, found (never stored; planted in each of these ways)")
    rows: list[dict[str, object]] = []
    for report in reports:
        shares = {one.strength: _share(one.by_words, one.planted) for one in report.findings.recall}
        rows.append({"task": f"{report.task}:{report.role}", "by": "words", **shares})
        if any(one.encoded for one in report.findings.recall):
            for by in ("cosine", "either"):
                shares = {
                    one.strength: _share(getattr(one, f"by_{by}"), one.encoded)
                    for one in report.findings.recall
                }
                rows.append({"task": "", "by": by, **shares})
    print_table(rows)
    strengths = reports[0].findings.recall if reports else []
    for one in strengths:
        click.echo(f"  {one.strength}: {one.about}")
    for problem in dict.fromkeys(r.findings.problem for r in reports if r.findings.problem):
        click.echo(f"  {problem}")


def _share(found: int, of: int) -> str:
    return f"{found / of:.0%} of {of}" if of else ""
