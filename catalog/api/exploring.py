"""Verbs that look around: SQL, sources, tasks, spaces, jobs."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.api.result import Result
from catalog.api.verbs import Verbs

if TYPE_CHECKING:
    from catalog.backup import BackupReport
    from catalog.status import Status
    from catalog.store import Rows


class Exploring(Verbs):
    """Look at what the catalog holds."""

    def sql(self, statement: str, **params: object) -> Result:
        """Run one SELECT over the tables and views, with nothing else in reach.

        `nearest`, `similarity` and `neighbor` may stand in it as tables; texts are embedded by the
        space's model once `ingest` has been imported.

        Args:
            statement: the SELECT.
            params: values of its parameters, by name.

        Raises:
            InvalidQuery: it is not one SELECT, or DuckDB refuses it.
            CatalogError: a task, a space, vectors or a model that it names is not there.
        """
        from catalog.functions import prepare
        from catalog.sql import check
        from catalog.store import Store

        query = check("the statement", statement)
        prepared = prepare(self.home, query, params)
        store = Store(self.home, as_of=prepared.as_of)
        # In a thread beside, since DuckDB does not hear Ctrl-C while it works.
        with store.sandbox() as reader, ThreadPoolExecutor(1) as beside:
            prepared.register(reader)
            running = beside.submit(reader.arrow, query, **params)
            try:
                return Result(running.result())
            except KeyboardInterrupt:
                reader.connection.interrupt()
                raise

    def sources(self) -> "Rows":
        """Return every source with its counts."""
        return self._show("sources")

    def tasks(self) -> "Rows":
        """Return every task at its newest revision."""
        return self._show("tasks")

    def spaces(self) -> "Rows":
        """Return every embedding space."""
        return self._show("spaces")

    def jobs(self) -> "Rows":
        """Return every job, newest first."""
        from catalog.jobs import overview

        return overview(self.home)

    def status(self) -> "Status":
        """Return the whole picture."""
        from catalog.status import status

        return status(self.home)

    def backup(self, folder: str | Path) -> "BackupReport":
        """Copy the home whole into a new folder."""
        from catalog.backup import backup

        return backup(self.home, folder)
