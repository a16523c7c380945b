"""Verbs on training runs: begin, take ledgers in, finish, show, evaluate."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from catalog.api.verbs import Verbs
from catalog.progress import Progress, silent

if TYPE_CHECKING:
    from catalog.runs import EvaluationReport, Finished, ImportReport, RunView, Started
    from catalog.store import Rows


class Training(Verbs):
    """Keep account of runs."""

    def runs(self) -> "Rows":
        """Return every run, newest first."""
        return self._show("runs")

    def start_run(
        self,
        name: str,
        *,
        model: str | None = None,
        parent: str | None = None,
        snapshots: Sequence[str] = (),
        config: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> "Started":
        """Begin a run, or go on with one that was begun in the same way; a `Ledger` fills it.

        Args:
            name: what it is called; nothing else may be.
            model: what is tuned.
            parent: the run whose model is tuned further: `RUN`, or `RUN:STEP`.
            snapshots: what it is trained on, as `name@version`.
            config: whatever of the training is worth keeping.
            tags: texts by key.
        """
        from catalog.runs import start_run

        about: dict[str, Any] = {"model": model, "parent": parent, "snapshots": snapshots}
        return start_run(self.home, name, **about, config=config, tags=tags)

    def import_runs(
        self,
        names: Sequence[str] = (),
        *,
        name_as: str | None = None,
        anew: bool = False,
        progress: Progress = silent,
    ) -> "ImportReport":
        """Take ledgers in, as often as you like.

        Args:
            names: runs in the home's ledger folder, or paths or URIs of a run's folder or of one
                that holds several; none means all in the home.
            name_as: what the run is to be called here, if not as in its ledger.
            anew: work attempts and coverage out again, even if nothing came.
            progress: is told how far the import is.
        """
        from catalog.runs import import_runs

        return import_runs(self.home, names, name_as=name_as, anew=anew, progress=progress)

    def finish_run(
        self, name: str, *, steps: int | None = None, progress: Progress = silent
    ) -> "Finished":
        """Take in what a run's ledger holds, and mark the run as over.

        Args:
            name: the run's.
            steps: how many optimizer steps led to its last model; None as far as is recorded.
            progress: is told how far the import is.
        """
        from catalog.runs import finish_run

        return finish_run(self.home, name, steps=steps, progress=progress)

    def show_run(self, name: str) -> "RunView":
        """Return what is known of a run: attempts, coverage, lineage, scores."""
        from catalog.runs import show_run

        return show_run(self.home, name)

    def evaluate_run(self, run: str, path: str, *, step: int | None = None) -> "EvaluationReport":
        """Take in what a run's model scored: lm-evaluation-harness's files, or simple JSON.

        Args:
            run: the run's name.
            path: a result file, or a folder of them.
            step: the checkpoint that was evaluated; None is the run's end.
        """
        from catalog.runs import import_results

        return import_results(self.home, run, path, step=step)
