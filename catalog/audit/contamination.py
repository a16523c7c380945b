"""What a model saw of the items that it is tested on: which, when, and in which checkpoints."""

from dataclasses import dataclass

from catalog.audit.coverage import Coverage, coverage, unimported
from catalog.audit.heads import Head, ancestors, chain, find_head, gather
from catalog.errors import UnknownName
from catalog.home import Home
from catalog.sql import load
from catalog.store import Reader, Rows, Store


@dataclass(frozen=True)
class ContaminationAudit:
    """Exposures of a run that overlap items of a task.

    Attributes:
        run: the run's name.
        attempt: the one whose end, or a step of it, is meant; None if nothing is recorded.
        step: the model is the one after this step; None is the last of the attempt.
        task: the task's name.
        chain: the attempts that led there, and which steps of each.
        overlaps: item, role, sample, kind, evidence, run and steps of each overlap; `generation` is
            0 for the run itself, more for those it was tuned from.
        checkpoints: those of these runs, and of runs tuned from them, that contain such a sample.
        descendants: runs that were tuned from a model that contains one.
        undone: attempts of the run, and steps, that saw such samples and did not lead to the model.
        checks: when each role of the task was checked against the pool, and how many samples that
            the run saw the check did not look at.
        parents: the runs it was tuned from, if they were asked for.
        coverage: how much is recorded: of the run, then of each of the parents.
        unimported: runs whose ledgers in the home are not wholly imported.
    """

    run: str
    attempt: int | None
    step: int | None
    task: str
    chain: Rows
    overlaps: Rows
    checkpoints: Rows
    descendants: Rows
    undone: Rows
    checks: Rows
    parents: list[Head]
    coverage: list[Coverage]
    unimported: list[str]

    @property
    def unchecked(self) -> list[str]:
        """Return in words what the check does not cover."""
        told = []
        for row in self.checks:
            name = f"{self.task}:{row['role']}"
            if row["checked_at"] is None:
                told.append(f"{name} was never checked against the pool")
                continue
            if not row["same_items"]:
                told.append(f"{name} has other items since it was checked")
            if row["samples_not_checked"]:
                told.append(
                    f"the check of {name} did not look at {row['samples_not_checked']:,} of the "
                    "samples it saw: they came later, or were retired then"
                )
        return told


def audit_contamination(
    home: Home,
    run: str,
    task: str,
    *,
    step: int | None = None,
    attempt: int | None = None,
    with_ancestors: bool = False,
) -> ContaminationAudit:
    """Tell which items of a task a model saw: `decontaminate` must have marked what overlaps them.

    Args:
        home: the catalog's.
        run: the run's name.
        task: the task's name; all its roles are meant, queries and held-out items.
        step: the checkpoint after this step; None is the last.
        attempt: on the way to the end of this attempt; None is the newest.
        with_ancestors: add what the runs saw that it was tuned from, up to where that was.

    Raises:
        UnknownName: there is no such run, attempt or task.
        InvalidInput: that step is not recorded.
    """
    with Store(home).read() as reader:
        _require_task(reader, task)
        head = find_head(reader, run, attempt, step)
        parents = ancestors(reader, head) if with_ancestors else []
        gather(reader, [head, *parents])
        reader.make("met", load("audit/contaminated_met"), task=task)
        wanted = [(one.run_id, one.attempt, one.step) for one in (head, *parents)]
        waiting = unimported(reader, home)
        return ContaminationAudit(
            head.run,
            head.attempt,
            head.step,
            task,
            chain(reader, head),
            reader.rows(load("audit/contamination"), task=task),
            reader.rows(load("audit/sample_checkpoints")),
            reader.rows(load("audit/descendants")),
            []
            if head.attempt is None
            else reader.rows(
                load("audit/contaminated_undone"), run_id=head.run_id, head=head.attempt, task=task
            ),
            reader.rows(load("audit/checked"), task=task),
            parents,
            coverage(reader, waiting, wanted),
            waiting,
        )


def _require_task(reader: Reader, task: str) -> None:
    names = sorted({row["name"] for row in reader.rows(load("show/tasks"))})
    if task not in names:
        raise UnknownName.among(
            "task", task, names, hint="Add one with `catalog tasks add NAME PATH`."
        )
