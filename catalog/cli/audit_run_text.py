"""Audits of runs in words."""

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from catalog.cli.audit_text import ROWS_SHOWN, first, steps, stretch, tell_models, tell_rows
from catalog.cli.output import count, one_line, print_table, shorten

if TYPE_CHECKING:
    from catalog.audit import ContaminationAudit, Coverage, OverlapAudit, RunAudit

PARTS_SHOWN = 6
Row = dict[str, Any]


def tell_run(found: "RunAudit") -> None:
    """Print what led to a model of a run."""
    row = found.summary
    click.echo(f"run {found.run}: model {row['model'] or 'not told'}{_state(row)}")
    _tell_head(found)
    _tell_coverage(found.coverage, found.unimported)
    if not row["exposures"]:
        click.echo(f"\nno exposure is recorded; its snapshot: {row['snapshot'] or 'not told'}")
        return
    _tell_saw(found)
    _tell_promise(found)
    _tell_order(found)
    tell_rows("\nby source, each sample counted for its first", found.sources)
    if len(found.epochs) > 1:
        tell_rows("\nby epoch", found.epochs)


def _state(row: Row) -> str:
    parent = f", tuned from {one_line(row['parent'])}" if row["parent"] else ""
    if parent and not row["parent_known"]:
        parent += " (not in this catalog: what that saw is not known)"
    after = f" after its step {row['parent_step']:,}" if row["parent_step"] is not None else ""
    ended = "" if row["finished_at"] else "; not finished"
    return f"{parent}{after}{ended}"


def _tell_head(found: "RunAudit | ContaminationAudit") -> None:
    """Say which model is meant, and which steps of which attempts led to it."""
    if found.attempt is None:
        return
    parts = [
        f"{stretch(row)} of attempt {row['attempt']}"
        for row in found.chain
        if row["first_step"] is not None
    ]
    last = found.step
    if last is None and found.coverage and found.coverage[0].percent is not None:
        last = found.coverage[0].last_step  # a step cut short led to no model
    after = "the end" if last is None else f"step {last:,}"
    if len(parts) > PARTS_SHOWN:
        half = PARTS_SHOWN // 2
        parts[half:-half] = [f"{len(parts) - PARTS_SHOWN} more attempts (`catalog runs show`)"]
    ways = f": {', then '.join(parts)}" if len(parts) > 1 else ""
    click.echo(f"the model after {after} of attempt {found.attempt}{ways}")
    for parent in found.parents:
        until = "its end" if parent.step is None else f"its step {parent.step:,}"
        click.echo(f"and what {parent.run} saw up to {until} (attempt {parent.attempt})")


def _tell_coverage(covered: "Sequence[Coverage]", unimported: Sequence[str]) -> None:
    click.echo(f"coverage: {covered[0].sentence}" if len(covered) == 1 else "coverage")
    if len(covered) > 1:
        for one in covered:
            click.echo(f"  {one.run}: {one.sentence}")
    if any(one.unimported for one in covered) and unimported:
        click.echo("Take ledgers in with: catalog runs import")


def _tell_saw(found: "RunAudit") -> None:
    row = found.summary
    click.echo(
        f"\nsaw {count(row['samples'], 'sample')} in {count(row['exposures'], 'exposure')}, "
        f"{stretch(row)}"
    )
    click.echo(
        f"  contributed: {count(row['contributed_samples'], 'sample')}, "
        f"{count(row['contributed_exposures'], 'exposure')}"
    )
    causes = [
        f"{count(one['exposures'], 'exposure')} because {one['cause']}" for one in found.loaded
    ]
    if causes:
        click.echo(f"  loaded only: {count(row['loaded_samples'], 'sample')}; {', '.join(causes)}")
    for one in found.skipped:
        click.echo(
            f"  skipped in {one['run']}: {count(one['steps'], 'step')} "
            f"({one_line(one['reason'])}), {stretch(one)}"
        )
    _tell_counts(row)


def _tell_counts(row: Row) -> None:
    if row["repeats"]:
        click.echo(f"  {count(row['repeats'], 'exposure')} repeated by a sampler, counted above")
    if row["later_pieces"]:
        click.echo(f"  {count(row['later_pieces'], 'exposure')} of later pieces of cut samples")
    if row["unknown_exposures"]:
        number = count(row["unknown_exposures"], "exposure")
        click.echo(f"  {number} of hashes that are not in the catalog")
    if row["tokens"] is None:
        click.echo("  tokens: not told")
        return
    told = [f"{row['tokens']:,}"]
    if row["truncated_tokens"]:
        told.append(f"{row['truncated_tokens']:,} more were cut off before")
    if row["loss_tokens"] is not None:
        told.append(
            f"{row['loss_tokens']:,} had a loss, {row['contributed_loss_tokens'] or 0:,} of them "
            "in applied steps"
        )
    if row["exposures_without_tokens"]:
        told.append(f"not told of {count(row['exposures_without_tokens'], 'exposure')}")
    click.echo(f"  tokens: {'; '.join(told)}")


def _tell_promise(found: "RunAudit") -> None:
    row = found.summary
    if not found.snapshots:
        click.echo("\nno snapshot was named for it")
    for one in found.snapshots:
        if not one["known"]:
            click.echo(f"\npromised by {one['snapshot']}: it is not in this catalog")
            continue
        left = f", {one['dropped']:,} dropped before" if one["dropped"] else ""
        click.echo(
            f"\npromised by {one['snapshot']}: {count(one['members'] or 0, 'sample')}; "
            f"{one['seen'] or 0:,} seen, {one['contributed'] or 0:,} contributed{left}, "
            f"{one['not_recorded'] or 0:,} missing"
        )
    if found.snapshots and all(one["known"] for one in found.snapshots):
        click.echo(f"seen beyond that: {count(row['samples_not_members'], 'sample')}")
    for one in found.dropped:
        again = f"; {one['seen_all_the_same']:,} seen all the same"
        click.echo(
            f"dropped before training: {count(one['samples'], 'sample')}, "
            f"{one_line(one['reason'])}{again if one['seen_all_the_same'] else ''}"
        )


def _tell_order(found: "RunAudit") -> None:
    """Say how the epochs went, those that follow each other and went alike in one line."""
    promised = {
        "snapshot": "the snapshot's order, as promised",
        "shuffled": "the shuffled order that was promised",
        None: "the snapshot's order (none was promised)",
    }
    for (kind, is_broken), alike in groupby(
        found.order, lambda one: (one.promised, one.out_of_order > 0)
    ):
        epochs = list(alike)
        first, last = epochs[0].epoch, epochs[-1].epoch
        when = f"epoch {first}" if first == last else f"epochs {first} to {last}"
        how = f"{promised[kind]}, from step to step"
        if is_broken:
            broken, seen = sum(e.out_of_order for e in epochs), sum(e.seen for e in epochs)
            how = (
                f"not {promised[kind]}: {broken:,} of {seen:,} came in an earlier step than the "
                "one before them"
            )
        click.echo(f"order in {when}: {how}")


def tell_contamination(found: "ContaminationAudit") -> None:
    """Print which items of a task a model saw."""
    items = {(row["role"], row["item"]) for row in found.overlaps}
    hashes = {row["hash"] for row in found.overlaps}
    click.echo(
        f"run {found.run}, task {found.task}: "
        + (
            f"{count(len(items), 'item')} of the task overlap {count(len(hashes), 'sample')} it saw"
            if items
            else "not known: see what was NOT CHECKED"
            if found.unchecked
            else "no overlap was found with what it saw"
        )
    )
    _tell_head(found)
    _tell_coverage(found.coverage, found.unimported)
    _tell_checks(found)
    for row in first(found.overlaps):
        _tell_overlap(row)
    for row in found.undone:
        click.echo(
            f"\nattempt {row['attempt']} also saw such samples in steps that led to another model "
            f"or none: {count(row['exposures'], 'exposure')}, {stretch(row)}; "
            f"ask with --attempt {row['attempt']}"
        )
    tell_models(found.checkpoints, found.descendants, "affects")
    if items and not found.checkpoints:
        click.echo("\nno checkpoint was told of that contains them")


def _tell_checks(found: "ContaminationAudit") -> None:
    for row in found.checks:
        if row["checked_at"] is not None:
            click.echo(
                f"checked: {count(row['items'], 'item')} of {found.task}:{row['role']} against the "
                f"pool, {row['checked_at']:%Y-%m-%d %H:%M} UTC"
            )
    for line in found.unchecked:
        click.echo(f"NOT CHECKED: {line}")
    unknown = max((row["hashes_not_known"] for row in found.checks), default=0)
    if unknown:
        click.echo(f"NOT CHECKED: {count(unknown, 'sample')} that only the ledger names")
    if found.unchecked:
        click.echo(f"Check with: catalog decontaminate --task {found.task}")


def _tell_overlap(row: Row) -> None:
    inherited = f" in {row['run']}, which it was tuned from" if row["generation"] else ""
    part = f", {row['part']}" if row["part"] else ""
    click.echo(f"\n{row['role']} item {row['item']} ({row['kind']}{part}, {row['score']:.2f})")
    click.echo(f"  sample {row['hash']}")
    click.echo(f"  evidence: {shorten(row['evidence'] or '')}")
    loaded = row["exposures"] - row["contributed"]
    only = f", {loaded:,} of them loaded only" if loaded else ""
    click.echo(f"  seen{inherited}: {count(row['exposures'], 'time')}{only}, {steps(row['steps'])}")


def tell_overlap(found: "OverlapAudit") -> None:
    """Print what two runs both saw."""
    jaccard = "none" if found.jaccard is None else f"{found.jaccard:.4f}"
    click.echo(f"both saw {count(found.both, 'sample')}; Jaccard {jaccard}")
    for run, only, shared, exposures in (
        (found.run_a, found.only_a, found.shared_exposures_a, found.exposures_a),
        (found.run_b, found.only_b, found.shared_exposures_b, found.exposures_b),
    ):
        click.echo(
            f"  {run}: {count(only, 'sample')} alone; {shared:,} of its "
            f"{count(exposures, 'exposure')} are of samples that both saw"
        )
    _tell_coverage(found.coverage, found.unimported)
    if found.sources:
        click.echo(f"\nby source; a is {found.run_a}, b is {found.run_b}")
        print_table(found.sources[:ROWS_SHOWN])
