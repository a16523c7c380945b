"""Verbs that look around: SQL, sources, tasks, spaces, jobs."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.api.result import Result
from catalog.api.verbs import Verbs
from catalog.progress import Progress, silent

if TYPE_CHECKING:
    from catalog.backup import BackupReport
    from catalog.functions.encoding import Encode
    from catalog.search.index import Index, IndexKind
    from catalog.search.searching import Found
    from catalog.status import Status
    from catalog.store import Rows


class Exploring(Verbs):
    """Look at what the catalog holds."""

    def sql(
        self,
        statement: str,
        /,
        *,
        encode: "Encode | None" = None,
        progress: Progress = silent,
        **params: object,
    ) -> Result:
        """Run one SELECT over the tables and views, with nothing else in reach.

        `nearest`, `similarity` and `neighbor` may stand in it as tables.

        Args:
            statement: the SELECT.
            encode: embeds the texts of `nearest`; what `import ingest` plugs in if None.
            progress: is told how far scoring is.
            params: values of its parameters, by name.

        Raises:
            InvalidQuery: it is not one SELECT, or DuckDB refuses it.
            CatalogError: a task, a space, vectors or a model that it names is not there.
        """
        from catalog.functions.tables import prepare
        from catalog.sql import check
        from catalog.store import Store

        query = check("the statement", statement)
        prepared = prepare(self.home, query, params, encode=encode, progress=progress)
        store = Store(self.home, as_of=prepared.as_of)
        # In a thread beside, since DuckDB does not hear Ctrl-C while it works.
        with store.sandbox() as reader, ThreadPoolExecutor(1) as beside:
            prepared.register(reader)
            running = beside.submit(reader.arrow, query, **params)
            try:
                return Result(running.result())
            except KeyboardInterrupt:
                reader.interrupt()
                raise

    def search(
        self,
        text: str | None = None,
        *,
        like: str | None = None,
        space: str | None = None,
        k: int = 10,
        where: str | None = None,
        ann: bool = False,
        skip_missing: bool = False,
        encode: "Encode | None" = None,
        progress: Progress = silent,
    ) -> "Found":
        """Find the samples of the pool that are nearest to a text, or to a sample.

        Args:
            text: embedded by the space's model, as a query.
            like: instead of a text, the content hash of a sample, the beginning of one, or its id.
            space: embedding space; may be left out if there is one.
            k: how many samples.
            where: SQL condition on the pool, applied before ranking.
            ann: ask the space's index, which may miss some and says how many it does.
            skip_missing: leave out samples that have no vector.
            encode: embeds the text; what `import ingest` plugs in if None.
            progress: is told how far scoring is.
        """
        from catalog.search.searching import Request, search

        request = Request(text, like, space, k, where, ann, skip_missing)
        return search(self.home, request, encode, progress)

    def indexes(self) -> "list[Index]":
        """Return every vector index with its measured recall."""
        from catalog.search.index import indexes

        return indexes(self.home)

    def build_index(
        self,
        space: str | None = None,
        *,
        kind: "IndexKind" = "rq",
        progress: Progress = silent,
    ) -> "Index":
        """Build a space's vector index, or build it anew, and measure its recall."""
        from catalog.search.indexing import build_index

        return build_index(self.home, space, kind, progress)

    def drop_index(self, space: str | None = None) -> str:
        """Forget a space's vector index and return the space's name."""
        from catalog.search.index import drop_index

        return drop_index(self.home, space)

    def sources(self) -> "Rows":
        """Return every source with its counts."""
        return self._show("sources")

    def tasks(self) -> "Rows":
        """Return every task at its newest revision."""
        return self._show("tasks")

    def spaces(self) -> "Rows":
        """Return every embedding space, what it holds and what it lacks."""
        from catalog.spaces import overview

        return overview(self.home)

    def scorers(self) -> "Rows":
        """Return every scorer with its contract, how many samples it scored, and their range."""
        import json

        return [row | {"contract": json.loads(row["contract"])} for row in self._show("scorers")]

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
