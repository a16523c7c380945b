"""Verbs on what was chosen: find, show, verify, write out, forget."""

from pathlib import Path
from typing import TYPE_CHECKING

from catalog.api.verbs import Verbs
from catalog.progress import Progress, silent

if TYPE_CHECKING:
    from catalog.export import ExportFormat, ExportReport
    from catalog.show import SnapshotView
    from catalog.snapshot import Snapshot, Verification
    from catalog.store import Rows


class Keeping(Verbs):
    """Look after snapshots."""

    def snapshot(self, reference: str) -> "Snapshot":
        """Return the snapshot `name@version`, or the newest of `name`."""
        from catalog.snapshot import find

        return find(self.home, reference)

    def show(self, reference: str, *, members: int = 10) -> "SnapshotView":
        """Return a snapshot with its mix of sources and why its first members were chosen."""
        from catalog.show import show

        return show(self.home, reference, members=members)

    def snapshots(self) -> "Rows":
        """Return every snapshot, newest first."""
        return self._show("snapshots")

    def verify(self, reference: str) -> "Verification":
        """Check a snapshot against its digest, from the text up."""
        from catalog.snapshot import verify

        return verify(self.home, reference)

    def rename(self, old: str, new: str) -> int:
        """Rename all versions of a snapshot."""
        from catalog.snapshot import rename

        return rename(self.home, old, new)

    def delete(self, reference: str) -> "Snapshot":
        """Forget a snapshot that no run used."""
        from catalog.snapshot import delete

        return delete(self.home, reference)

    def export(
        self,
        reference: str,
        output: str | Path,
        *,
        format: "ExportFormat" = "jsonl",
        overwrite: bool = False,
        progress: Progress = silent,
    ) -> "ExportReport":
        """Write a snapshot's members in order."""
        from catalog.export import export

        return export(
            self.home, reference, output, format=format, overwrite=overwrite, progress=progress
        )
