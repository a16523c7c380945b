"""Verbs on training runs and what they saw."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from catalog.api.verbs import Verbs

if TYPE_CHECKING:
    from catalog.audit import RunAudit, SampleAudit
    from catalog.runs import ImportReport
    from catalog.store import Rows


class Auditing(Verbs):
    """Tell who saw what."""

    def runs(self) -> "Rows":
        """Return every run, newest first."""
        return self._show("runs")

    def import_runs(self, names: Sequence[str] = ()) -> "ImportReport":
        """Take ledgers in; none named means all in the home."""
        from catalog.runs import import_runs

        return import_runs(self.home, names)

    def audit_sample(self, reference: str) -> "SampleAudit":
        """Tell where a sample came from, which snapshots hold it and which runs saw it."""
        from catalog.audit import audit_sample

        return audit_sample(self.home, reference)

    def audit_run(self, run: str) -> "RunAudit":
        """Tell what a run saw."""
        from catalog.audit import audit_run

        return audit_run(self.home, run)
