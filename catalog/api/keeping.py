"""Verbs on what was chosen: find, show, verify, write out, forget."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.api.verbs import Verbs
from catalog.progress import Progress, silent

if TYPE_CHECKING:
    from catalog.card.writing import CardReport
    from catalog.compare.comparison import Comparison
    from catalog.exporting import ExportFormat
    from catalog.exporting.exporting import ExportReport
    from catalog.show import Marked, SnapshotView
    from catalog.snapshot import Snapshot
    from catalog.store import Rows
    from catalog.verification import Verification
    from catalog.why.diff import Difference
    from catalog.why.explanation import Explanation
    from catalog.why.reproduce import Reproduction


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

    def compare(
        self,
        references: Sequence[str],
        *,
        space: str | None = None,
        draws: int = 3,
        near: float = 0.95,
        html: str | Path | None = None,
        overwrite: bool = False,
        progress: Progress = silent,
    ) -> "Comparison":
        """Hold snapshots side by side, beside random and balanced draws like them.

        Args:
            references: `name@version`, or `name` for the newest.
            space: to measure in; None for the snapshots' own, or the only one.
            draws: of every baseline.
            near: cosine above which two members are near-duplicates.
            html: also write it to this file, as one self-contained page with plots.
            overwrite: replace other content of that file.
            progress: is told how far it is.

        Raises:
            UnknownName: there is no such snapshot, or no such space.
            OutputExists: the file holds other content; the comparison is then not given.
        """
        from catalog.compare.comparing import compare
        from catalog.compare.page import OPTION, write
        from catalog.pages import require_replaceable

        if html is not None:
            require_replaceable(html, OPTION)
        found = compare(
            self.home, references, space=space, draws=draws, near=near, progress=progress
        )
        if html is not None:
            write(found, html, overwrite=overwrite)
        return found

    def snapshots(self) -> "Rows":
        """Return every snapshot, newest first."""
        return self._show("snapshots")

    def verify(self, reference: str, *, progress: Progress = silent) -> "Verification":
        """Check a snapshot against its digest, from the text up.

        Args:
            reference: `name@version`, or `name` for the newest.
            progress: is told how far it is.
        """
        from catalog.verification import verify

        return verify(self.home, reference, progress)

    def contamination(self, reference: str) -> "Marked":
        """Tell how many members of a snapshot are marked as overlapping a task."""
        from catalog.show import contamination

        return contamination(self.snapshot(reference))

    def explain(self, reference: str, sample: str, *, progress: Progress = silent) -> "Explanation":
        """Say why a snapshot holds a sample, or how far it was from holding it.

        Args:
            reference: `name@version`, or `name` for the newest.
            sample: its content hash, at least 8 digits of it, or an external id.
            progress: is told how far scoring is.
        """
        from catalog.why.explain import explain

        return explain(self.home, reference, sample, progress)

    def diff(
        self, before: str, after: str, *, limit: int = 3, progress: Progress = silent
    ) -> "Difference":
        """Say what came in, went out and moved between two snapshots, and why.

        Args:
            before: `name@version`, or `name` for the newest.
            after: the same.
            limit: examples of each reason.
            progress: is told how far scoring is.
        """
        from catalog.why.diff import diff

        return diff(self.home, before, after, limit, progress)

    def reproduce(self, reference: str, *, progress: Progress = silent) -> "Reproduction":
        """Run a snapshot's recipe again on the pool as it was, and compare; writes nothing."""
        from catalog.why.reproduce import reproduce

        return reproduce(self.home, reference, progress)

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
        skip_purged: bool = False,
        skip_unsupported: bool = False,
        progress: Progress = silent,
    ) -> "ExportReport":
        """Write a snapshot's members in order, for people or for a trainer.

        Args:
            reference: `name@version`, or `name` for the newest.
            output: the file to write; for `hf`, `llama-factory` and `axolotl` a folder.
            format: what reads it.
            overwrite: replace other content.
            skip_purged: leave out members whose text was purged.
            skip_unsupported: leave out members that the trainer cannot read as they are.
            progress: is told how many rows are written.
        """
        from catalog.exporting.exporting import export

        return export(
            self.home,
            reference,
            output,
            format=format,
            overwrite=overwrite,
            skip_purged=skip_purged,
            skip_unsupported=skip_unsupported,
            progress=progress,
        )

    def card(
        self,
        reference: str,
        output: str | Path,
        *,
        creator: str | None = None,
        url: str | None = None,
        languages: Sequence[str] = (),
        overwrite: bool = False,
        skip_purged: bool = False,
        progress: Progress = silent,
    ) -> "CardReport":
        """Write a snapshot as a folder to publish: Parquet, Croissant metadata, a card.

        Args:
            reference: `name@version`, or `name` for the newest.
            output: the folder; other files in it stay.
            creator: a person or an organization; None for the snapshot's author.
            url: the data set's page.
            languages: of the text, as BCP 47 tags.
            overwrite: replace files of other content.
            skip_purged: leave out members whose text was purged.
            progress: is told how many rows are written.
        """
        from catalog.card.croissant import Publication
        from catalog.card.writing import card

        return card(
            self.home,
            reference,
            output,
            Publication(creator, url, tuple(languages)),
            overwrite=overwrite,
            skip_purged=skip_purged,
            progress=progress,
        )
