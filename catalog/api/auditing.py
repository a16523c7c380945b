"""Verbs on what training runs saw."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.api.verbs import Verbs
from catalog.progress import Progress, silent

if TYPE_CHECKING:
    import pyarrow as pa

    from catalog.audit import (
        ContaminationAudit,
        OverlapAudit,
        RunAudit,
        SampleAudit,
        SourceAudit,
    )
    from catalog.contamination.check import Decontamination
    from catalog.contamination.recall import EncodeConversations
    from catalog.functions.encoding import Encode
    from catalog.report import RunReport
    from catalog.search.text_audit import TextAudit


class Auditing(Verbs):
    """Tell who saw what."""

    def audit_sample(self, reference: str) -> "SampleAudit":
        """Tell where a sample came from, what holds it, who was shown it, which models contain it.

        Args:
            reference: its content hash, at least 8 digits of it, or an external id.

        Raises:
            UnknownName: there is no such sample, and no ledger names such a hash.
            InvalidInput: it stands for several.
        """
        from catalog.audit import audit_sample

        return audit_sample(self.home, reference)

    def audit_text(
        self,
        text: str,
        *,
        space: str | None = None,
        k: int = 5,
        encode: "Encode | None" = None,
        progress: Progress = silent,
    ) -> "TextAudit":
        """Audit the samples in which a text is, exactly, a message, and find those nearest to it.

        Args:
            text: compared as it is, with nothing folded or trimmed.
            space: embedding space to look for near ones in; may be left out if there is one.
            k: how many near ones.
            encode: embeds the text; what `import ingest` plugs in if None.
            progress: is told how far scoring is.
        """
        from catalog.search.text_audit import audit_text

        return audit_text(self.home, text, space, k, encode, progress)

    def audit_run(
        self,
        run: str,
        *,
        step: int | None = None,
        attempt: int | None = None,
        ancestors: bool = False,
    ) -> "RunAudit":
        """Tell what led to a model of a run, and whether its snapshots promised that.

        Args:
            run: the run's name.
            step: the checkpoint after this step; None is the last.
            attempt: on the way to the end of this attempt, even one given up; None is the newest.
            ancestors: add what the runs saw that it was tuned from, up to where that was.

        Raises:
            UnknownName: there is no such run or attempt.
            InvalidInput: that step is not recorded.
        """
        from catalog.audit import audit_run

        return audit_run(self.home, run, step=step, attempt=attempt, with_ancestors=ancestors)

    def audited_samples(
        self,
        run: str,
        *,
        step: int | None = None,
        attempt: int | None = None,
        ancestors: bool = False,
    ) -> "pa.Table":
        """Return the samples that led to a model of a run, one row each; see `audit_run`."""
        from catalog.audit import run_samples

        return run_samples(self.home, run, step=step, attempt=attempt, with_ancestors=ancestors)

    def audit_source(self, source: str) -> "SourceAudit":
        """Tell every snapshot and run that samples of a source touched.

        Raises:
            UnknownName: there is no such source.
        """
        from catalog.audit import audit_source

        return audit_source(self.home, source)

    def audit_contamination(
        self,
        run: str,
        task: str,
        *,
        step: int | None = None,
        attempt: int | None = None,
        ancestors: bool = False,
    ) -> "ContaminationAudit":
        """Tell which items of a task a model saw, at which steps; see `audit_run` for the rest.

        Raises:
            UnknownName: there is no such run, attempt or task.
            InvalidInput: that step is not recorded.
        """
        from catalog.audit import audit_contamination

        return audit_contamination(
            self.home, run, task, step=step, attempt=attempt, with_ancestors=ancestors
        )

    def audit_overlap(self, run_a: str, run_b: str) -> "OverlapAudit":
        """Tell which samples the newest models of two runs both saw.

        Raises:
            UnknownName: there is no such run.
        """
        from catalog.audit import audit_overlap

        return audit_overlap(self.home, run_a, run_b)

    def overlapping_samples(self, run_a: str, run_b: str) -> "pa.Table":
        """Return the samples that the newest models of two runs saw, one row each."""
        from catalog.audit import overlap_samples

        return overlap_samples(self.home, run_a, run_b)

    def report(
        self,
        run: str,
        *,
        output: str | Path | None = None,
        attempt: int | None = None,
        step: int | None = None,
        overwrite: bool = False,
    ) -> "RunReport":
        """Gather what led to a model of a run, and write it as one page for a browser.

        Args:
            run: the run's name.
            output: the page's file; None writes none.
            attempt: on the way to the end of this attempt; None is the newest.
            step: the model after this step; None is the last.
            overwrite: replace other content of that file.

        Raises:
            UnknownName: there is no such run or attempt.
            InvalidInput: that step is not recorded, or the file cannot be written.
            OutputExists: the file holds other content; the report is then not given.
        """
        from catalog.pages import require_replaceable
        from catalog.report import report_run, write
        from catalog.report.page import OPTION

        if output is not None:
            require_replaceable(output, OPTION)
        found = report_run(self.home, run, attempt=attempt, step=step)
        if output is not None:
            write(found, output, overwrite=overwrite)
        return found

    def decontaminate(
        self,
        tasks: Sequence[str] = (),
        *,
        ngram: int = 13,
        cosine: float | None = None,
        space: str | None = None,
        encode: "EncodeConversations | None" = None,
        progress: Progress = silent,
    ) -> "Decontamination":
        """Mark the samples that overlap tasks' queries or held-out items.

        Args:
            tasks: `gsm8k` for its queries and held-out items, `gsm8k:heldout` for these alone; none
                means every task.
            ngram: so many words in a row are an overlap.
            cosine: so is a cosine of at least this.
            space: the embedding space for it; may be left out if there is one.
            encode: embeds planted leaks, to measure what cosines catch.
            progress: is told how far the job is.
        """
        from catalog.contamination.check import decontaminate

        return decontaminate(
            self.home,
            tasks,
            ngram=ngram,
            cosine=cosine,
            space=space,
            encode=encode,
            progress=progress,
        )
