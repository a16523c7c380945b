"""Verbs that take back: retire, restore, purge; and the check of the whole."""

from pathlib import Path
from typing import TYPE_CHECKING

from catalog.api.verbs import Verbs
from catalog.progress import Progress, silent

if TYPE_CHECKING:
    from catalog.checking import Checked
    from catalog.purging import Purge, PurgePlan
    from catalog.retire import Retirement


class TakingBack(Verbs):
    """Take samples back, destroy them, and look whether all is in order."""

    def retire(
        self,
        *,
        reason: str,
        where: str | None = None,
        ids: str | Path | None = None,
        source: str | None = None,
        keep_shared: bool = False,
        dry_run: bool = False,
    ) -> "Retirement":
        """Take samples out of the pool for every later selection; those that fulfil all given.

        Args:
            reason: kept beside each.
            where: SQL condition, as `select` takes it.
            ids: file of content hashes or external ids, a line each, or JSONL or Parquet rows.
            source: `name`, or `name@revision`.
            keep_shared: spare what other sources hold too.
            dry_run: tell what would be done, and write nothing.
        """
        from catalog.retire import Selector, retire

        return retire(self.home, Selector(where, ids, source, keep_shared), reason, dry_run=dry_run)

    def restore(
        self,
        *,
        reason: str = "",
        where: str | None = None,
        ids: str | Path | None = None,
        source: str | None = None,
        keep_shared: bool = False,
        dry_run: bool = False,
    ) -> "Retirement":
        """Bring retired samples back into the pool; purged ones stay out, and are named."""
        from catalog.retire import Selector, restore

        return restore(
            self.home, Selector(where, ids, source, keep_shared), reason, dry_run=dry_run
        )

    def plan_purge(
        self,
        *,
        where: str | None = None,
        ids: str | Path | None = None,
        source: str | None = None,
        keep_shared: bool = False,
    ) -> "PurgePlan":
        """Tell what `purge` would destroy, and what it could not reach."""
        from catalog.purging import plan
        from catalog.retire import Selector

        return plan(self.home, Selector(where, ids, source, keep_shared))

    def purge(
        self,
        *,
        where: str | None = None,
        ids: str | Path | None = None,
        source: str | None = None,
        keep_shared: bool = False,
        progress: Progress = silent,
    ) -> "Purge":
        """Destroy the text and vectors of retired samples everywhere in the home; for good.

        Args:
            where: only those retired samples that fulfil it.
            ids: only those that the file lists.
            source: only those of this source.
            keep_shared: not what other sources hold too.
            progress: is told how far it is.
        """
        from catalog.purging import purge
        from catalog.retire import Selector

        return purge(self.home, Selector(where, ids, source, keep_shared), progress=progress)

    def check(self, *, progress: Progress = silent) -> "Checked":
        """Look whether the home is whole: what is broken, and how to mend it."""
        from catalog.checking import check

        return check(self.home, progress=progress)
