"""Verbs on what training runs saw."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from catalog.api.verbs import Verbs
from catalog.progress import Progress, silent

if TYPE_CHECKING:
    from catalog.audit import RunAudit, SampleAudit
    from catalog.contamination.check import Decontamination
    from catalog.contamination.recall import EncodeConversations


class Auditing(Verbs):
    """Tell who saw what."""

    def audit_sample(self, reference: str) -> "SampleAudit":
        """Tell where a sample came from, which snapshots hold it and which runs saw it."""
        from catalog.audit import audit_sample

        return audit_sample(self.home, reference)

    def audit_run(self, run: str) -> "RunAudit":
        """Tell what a run saw."""
        from catalog.audit import audit_run

        return audit_run(self.home, run)

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
