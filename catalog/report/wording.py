"""What a report says in sentences: the answer first, and what is not recorded."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from catalog.report.facts import RunReport


def number(value: float | None, digits: int = 0) -> str:
    """Return a number as a page shows it.

    >>> number(1234567), number(None), number(0.51234, 3)
    ('1,234,567', 'not told', '0.512')
    """
    return "not told" if value is None else f"{value:,.{digits}f}"


def moment(value: datetime | None) -> str:
    """Return a time as a page shows it, in UTC; nothing if it is not told.

    >>> moment(datetime(2024, 5, 1, 12, 30, tzinfo=UTC)), moment(None)
    ('2024-05-01 12:30 UTC', '')
    """
    return "" if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def several(count: int, noun: str) -> str:
    """Return a number with its noun.

    >>> several(1, "step"), several(2000, "step")
    ('1 step', '2,000 steps')
    """
    return f"{count:,} {noun}{'s' * (count != 1)}"


def joined(parts: list[str]) -> str:
    """Return a list as a sentence has it.

    >>> joined(["a"]), joined(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def which(report: RunReport) -> str:
    """Say which model is spoken of."""
    audit = report.audit
    if audit.attempt is None:
        return "Nothing of this run is recorded."
    last = audit.coverage[0].last_step
    others = len(report.view.attempts) - len(audit.chain)
    left = f"; {several(others, 'attempt')} did not lead to it" if others > 0 else ""
    return (
        f"What led to the model after step {last:,} of attempt {audit.attempt}, "
        f"through {several(len(audit.chain), 'attempt')}{left}."
    )


def answer(report: RunReport) -> list[str]:
    """Return what a reader wants to know first, one sentence each."""
    audit = report.audit
    if not audit.summary["exposures"]:
        return []
    return [_shown(audit.summary), *_promises(report), contamination(report), _licences(report)]


def _shown(summary: dict[str, Any]) -> str:
    said = (
        f"It was shown {several(summary['samples'], 'sample')} in "
        f"{several(summary['exposures'], 'exposure')}, "
        f"{summary['contributed_exposures']:,} of which contributed to its weights"
    )
    if summary["tokens"] is not None:
        said += f": {several(summary['tokens'], 'token')}"
        if summary["loss_tokens"] is not None:
            said += f", {summary['loss_tokens']:,} with a loss"
    return said + "."


def _promises(report: RunReport) -> Iterator[str]:
    for row in report.audit.snapshots:
        if not row["known"]:
            yield f"What {row['snapshot']} promised cannot be told: it is not in this catalog."
            continue
        rest = [
            f"{row[name]:,} {words}"
            for name, words in (
                ("dropped", "dropped before training"),
                ("not_recorded", "not recorded as shown"),
            )
            if row[name]
        ]
        yield (
            f"Of the {several(row['members'] or 0, 'member')} of {row['snapshot']} it was shown "
            f"{row['seen'] or 0:,}" + (f"; {joined(rest)}" if rest else "") + "."
        )


def contamination(report: RunReport) -> str:
    """Say whether it was shown what it is tested on, as far as that was looked for."""
    checks = report.checks
    if not report.audit.summary["exposures"]:
        return "What it was shown is not recorded, so whether test items were in it is not known."
    if not checks:
        return "Nothing was checked for test items, so whether it was shown any is not known."
    names = joined([f"{row['task']} ({row['role']})" for row in checks])
    hits = [row for row in checks if row["samples"]]
    late = max(row["unchecked"] for row in checks)
    blind = f" {several(late, 'sample')} shown came after the check." if late else ""
    if not hits:
        return f"No sample recorded as shown is marked as overlapping {names}.{blind}"
    found = joined(
        [
            f"{several(row['items'], 'item')} of {row['task']} ({row['role']}) through "
            f"{several(row['samples'], 'sample')}, from step {row['first_step']:,} on"
            for row in hits
        ]
    )
    return f"It was shown what overlaps {found}.{blind}"


def order(report: RunReport) -> str:
    """Say which order the samples are held against."""
    promised = {found.promised for found in report.audit.order}
    if promised == {"shuffled"}:
        return "the shuffled order that it promised"
    whose = "the snapshot's own order"
    return whose if promised == {"snapshot"} else f"{whose}, though none was promised"


def epochs(report: RunReport) -> list[str]:
    """Say how the epochs went against that order, those that follow each other alike in one."""
    said = []
    for _, alike in groupby(report.audit.order, lambda found: found.out_of_order > 0):
        found = list(alike)
        first, last = found[0].epoch, found[-1].epoch
        when = f"epoch {first}" if first == last else f"epochs {first} to {last}"
        met, broken = sum(one.seen for one in found), sum(one.out_of_order for one in found)
        said.append(
            f"{when}: {met:,} places met, {broken:,} of them in an earlier step than the place "
            "before"
        )
    return said


def _licences(report: RunReport) -> str:
    told = sorted({row["licence"] for row in report.licences if row["licence"]})
    silent = sorted({row["source"] for row in report.licences if not row["licence"]})
    said = f"Licences of its sources: {joined(told)}" if told else "No source tells its licence"
    if told and silent:
        said += f"; not told for {joined(silent)}"
    return said + "."


def gaps(report: RunReport) -> list[str]:
    """Return what is not recorded, or only assumed, one sentence each."""
    audit, found = report.audit, []
    coverage, summary = audit.coverage[0], audit.summary
    if audit.attempt is None:
        found.append("No ledger of this run was imported: what it was shown is not known.")
    assumed = sum(attempt["assumed"] for attempt in report.view.attempts)
    counted = (
        (coverage.steps - coverage.recorded_steps, "optimizer step", "not recorded in full"),
        (coverage.ranks_missing, "data-parallel rank", "left no ledger"),
        (coverage.lost_exposures, "exposure", "could not be written while training, and lost"),
        (summary["unknown_exposures"], "exposure", "of samples that this catalog does not know"),
        (summary["exposures_without_tokens"], "exposure", "without a number of tokens"),
        (assumed, "attempt", "placed by its steps alone: nobody told where it went on from"),
    )
    found += [f"{several(count, noun)} {what}." for count, noun, what in counted if count > 0]
    if coverage.unimported:
        found.append("The home holds a part of its ledger that is not imported yet.")
    if audit.attempt is not None and any(a["world_size"] is None for a in report.view.attempts):
        found.append("Not every attempt tells its world size, so no rank of it can be missed.")
    found += [f"{row['name']}: {row['problem']}." for row in report.view.problems[:20]]
    if not audit.snapshots:
        found.append("It names no snapshot, so nothing was promised that could be compared.")
    told = report.view.run["config"] or {}
    for name, what in (("tokenizer_hash", "tokenizer"), ("template_hash", "chat template")):
        if not told.get(name):
            found.append(f"The hash of its {what} is not told.")
    if not report.view.evaluations:
        found.append("No evaluation was taken in.")
    if not report.view.checkpoints:
        found.append("No checkpoint was told of.")
    found += [
        f"Nothing was checked against {row['task']} ({row['role']})." for row in report.untested
    ]
    return found
