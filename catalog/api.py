"""The catalog as one object: every verb that the command has, for Python."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.home import Home
from catalog.progress import Progress, silent

if TYPE_CHECKING:
    import pyarrow as pa

    from catalog.audit import RunAudit, SampleAudit
    from catalog.backup import BackupReport
    from catalog.export import ExportFormat, ExportReport
    from catalog.recipe import Param, Recipe
    from catalog.runs import ImportReport
    from catalog.show import SnapshotView
    from catalog.snapshot import Snapshot, Verification
    from catalog.status import Status
    from catalog.store import Rows


def _told_apart(names: Sequence[str]) -> list[str]:
    """Number the columns whose names come twice, since a row is a dictionary to many.

    >>> _told_apart(["name", "size", "name"])
    ['name', 'size', 'name_1']
    """
    told: list[str] = []
    for name in names:
        number, free = 0, name
        while free in told:
            number += 1
            free = f"{name}_{number}"
        told.append(free)
    return told


class Result:
    """What a statement gave, out of the catalog and away from its lock."""

    def __init__(self, table: "pa.Table") -> None:
        self._table = table.rename_columns(_told_apart(table.column_names))

    def to_arrow(self) -> "pa.Table":
        """Return it as an Arrow table."""
        return self._table

    def to_pylist(self) -> "Rows":
        """Return it as dictionaries."""
        rows: Rows = self._table.to_pylist()
        return rows


class Catalog:
    """An open catalog. It holds no connection, so any number of them may be around."""

    def __init__(self, home: Home) -> None:
        self.home = home

    def sql(self, statement: str, **params: object) -> Result:
        """Run one SELECT over the tables and views, with nothing else in reach.

        Raises:
            InvalidQuery: it is not one SELECT, or DuckDB refuses it.
        """
        from catalog.sql import check
        from catalog.store import Store

        query = check("the statement", statement)
        # In a thread beside, since DuckDB does not hear Ctrl-C while it works.
        with Store(self.home).sandbox() as reader, ThreadPoolExecutor(1) as beside:
            running = beside.submit(reader.arrow, query, **params)
            try:
                return Result(running.result())
            except KeyboardInterrupt:
                reader.connection.interrupt()
                raise

    def select(
        self,
        name: str,
        *,
        method: str | None = None,
        sql: str | None = None,
        recipe: "Recipe | None" = None,
        tasks: Sequence[str] = (),
        size: int | None = None,
        space: str | None = None,
        where: str | None = None,
        seed: int = 0,
        params: "Mapping[str, Param] | None" = None,
        allow_fewer: bool = False,
        note: str | None = None,
        progress: Progress = silent,
    ) -> "Snapshot":
        """Select samples by a rule and freeze them as the next version of `name`.

        Args:
            name: of the snapshot.
            method: a rule of `queries/select/`.
            sql: instead of a rule, one SELECT that gives a column `sample_id`.
            recipe: instead of both, what `Recipe.read` gives.
            tasks: to select for, in order: `gsm8k`, or `gsm8k:heldout`.
            size: how many samples.
            space: embedding space; may be left out if there is one.
            where: SQL condition on the pool.
            seed: of random draws.
            params: of the statement.
            allow_fewer: take fewer if there are no more.
            note: kept with the snapshot.
            progress: is told how far scoring is.
        """
        from catalog.select import Request, select

        request = Request(method, sql, recipe, tuple(tasks), size, space, where, seed)
        return select(self.home, name, request, dict(params or {}), allow_fewer, note, progress)

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

    def sources(self) -> "Rows":
        """Return every source with its counts."""
        return self._show("sources")

    def tasks(self) -> "Rows":
        """Return every task at its newest revision."""
        return self._show("tasks")

    def spaces(self) -> "Rows":
        """Return every embedding space."""
        return self._show("spaces")

    def runs(self) -> "Rows":
        """Return every run, newest first."""
        return self._show("runs")

    def jobs(self) -> "Rows":
        """Return every job, newest first."""
        from catalog.jobs import overview

        return overview(self.home)

    def status(self) -> "Status":
        """Return the whole picture."""
        from catalog.status import status

        return status(self.home)

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

    def backup(self, folder: str | Path) -> "BackupReport":
        """Copy the home whole into a new folder."""
        from catalog.backup import backup

        return backup(self.home, folder)

    def _show(self, name: str) -> "list[dict[str, Any]]":
        from catalog.sql import load
        from catalog.store import Store

        with Store(self.home).read() as reader:
            return reader.rows(load(f"show/{name}"))
