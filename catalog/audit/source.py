"""One source: every snapshot and every model that its samples touched."""

from dataclasses import dataclass

from catalog.audit.coverage import Coverage, coverage, unimported
from catalog.errors import UnknownName
from catalog.home import Home
from catalog.sql import load
from catalog.store import Rows, Store


@dataclass(frozen=True)
class SourceAudit:
    """All that samples of one source touched, wherever else those came from too.

    Attributes:
        source: its name; all its revisions are meant.
        samples: how many it holds.
        only_there: how many of them come from no other source.
        appearances: how often they stand in it.
        revisions: of it, in order.
        licenses: of them.
        uris: where they were.
        snapshots: those that hold its samples, and how many.
        runs: those that were shown its samples, and how often: `exposures` led to the newest model,
            `contributed` of them changed it, `undone` ones a later attempt undid.
        descendants: runs that were tuned from these, after its first sample came.
        coverage: how much is recorded of every run, since any of them might have seen more.
        unimported: runs whose ledgers in the home are not wholly imported.
    """

    source: str
    samples: int
    only_there: int
    appearances: int
    revisions: list[str]
    licenses: list[str | None]
    uris: list[str | None]
    snapshots: Rows
    runs: Rows
    descendants: Rows
    coverage: list[Coverage]
    unimported: list[str]


def audit_source(home: Home, source: str) -> SourceAudit:
    """Tell every snapshot and run that samples of a source touched.

    Raises:
        UnknownName: there is no such source.
    """
    with Store(home).read() as reader:
        names = [row["name"] for row in reader.rows(load("audit/source_names"))]
        if source not in names:
            raise UnknownName.among("source", source, names)
        bounds = reader.row(load("audit/bounds")) or {}
        reader.make("source_sets", load("audit/source_sets"), source=source, **bounds)
        reader.make("source_ids", load("audit/source_ids"), source=source)
        reader.make("touched", load("audit/source_runs"), **bounds)
        totals = reader.row(load("audit/source_totals"), source=source) or {}
        waiting = unimported(reader, home)
        return SourceAudit(
            source,
            **totals,
            snapshots=reader.rows(load("audit/source_snapshots"), **bounds),
            runs=reader.rows("select * exclude (run_id) from touched order by run"),
            descendants=reader.rows(load("audit/source_descendants")),
            coverage=coverage(reader, waiting),
            unimported=waiting,
        )
