"""Which model is meant: a run, the end of one of its attempts, and a step on the way there."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from catalog.errors import InvalidInput, UnknownName
from catalog.sql import load
from catalog.store import Reader, Rows

EVERY_STEP = 2**62


@dataclass(frozen=True)
class Head:
    """The model of a run that "effective" is relative to.

    Attributes:
        run_id: the run's key.
        run: its name.
        attempt: the model is on the way to this attempt's end; None if the run has none.
        step: it is the model after this step; None is the last.
        generation: 0, or how many runs lie between it and the one that was asked about.
    """

    run_id: int
    run: str
    attempt: int | None
    step: int | None = None
    generation: int = 0


def find_head(reader: Reader, run: str, attempt: int | None, step: int | None) -> Head:
    """Return the model that is asked about: the newest of the run, or as its options say.

    Raises:
        UnknownName: there is no such run or attempt.
        InvalidInput: nothing on the way to that attempt's end reached the step.
    """
    runs = {row["run"]: row for row in reader.rows(load("audit/runs"))}
    if run not in runs:
        raise UnknownName.among(
            "run", run, list(runs), hint="Take ledgers in with `catalog runs import`."
        )
    run_id = runs[run]["run_id"]
    if attempt is not None:
        known = [row["attempt"] for row in reader.rows(load("audit/attempts"), run_id=run_id)]
        if attempt not in known:
            raise UnknownName(
                f"no attempt {attempt} of the run {run!r}",
                hint=f"Its attempts: {', '.join(map(str, known)) or 'none is recorded'}.",
            )
    head = Head(run_id, run, runs[run]["attempt"] if attempt is None else attempt, step)
    if step is not None:
        _require_step(reader, head, step)
    return head


def _require_step(reader: Reader, head: Head, step: int) -> None:
    whole = chain(reader, replace(head, step=None))
    last = max((row["last_step"] or 0 for row in whole), default=0)
    if not 0 < step <= last:
        raise InvalidInput(
            f"step {step:,} of the run {head.run!r} is not recorded: "
            + (f"attempt {head.attempt} has steps 1 to {last:,}" if last else "nothing is"),
            hint="Give --attempt for another branch; `catalog runs show` lists what there is.",
        )


def chain(reader: Reader, head: Head) -> Rows:
    """Return the attempts that led to a head, with the recorded steps of each that count."""
    if head.attempt is None:
        return []
    rows = reader.rows(load("audit/chain"), run_id=head.run_id, head=head.attempt)
    if head.step is None:
        return rows
    return [
        row | {"last_step": min(row["last_step"], head.step)}
        for row in rows
        if row["first_step"] is not None and row["first_step"] <= head.step
    ]


def ancestors(reader: Reader, head: Head) -> list[Head]:
    """Return the models that a run was tuned from, nearest first."""
    return [
        Head(row["run_id"], row["run"], row["attempt"], row["step"], row["generation"])
        for row in reader.rows(load("audit/ancestors"), run_id=head.run_id)
    ]


def gather(reader: Reader, heads: Sequence[Head]) -> None:
    """Make the relations `heads` and `shown`: what led to some models."""
    import pyarrow as pa

    recorded = [head for head in heads if head.attempt is not None]
    steps = [EVERY_STEP if head.step is None else head.step for head in recorded]
    reader.register(
        "heads",
        pa.table(
            {
                "run_id": pa.array([head.run_id for head in recorded], pa.int64()),
                "head": pa.array([head.attempt for head in recorded], pa.int64()),
                "step": pa.array(steps, pa.int64()),
                "generation": pa.array([head.generation for head in recorded], pa.int64()),
            }
        ),
    )
    query = load("audit/shown")
    nobody = Head(0, "", 0)
    for position, (head, step) in enumerate(zip(recorded or [nobody], steps or [0], strict=True)):
        fill = reader.append if position else reader.make
        fill(
            "shown",
            query,
            run_id=head.run_id,
            head=head.attempt,
            step=step,
            generation=head.generation,
        )
