"""Ledgers are taken into the catalog, once each, however often they are imported."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from catalog.errors import CatalogError, Conflict, InvalidInput, UnknownName
from catalog.home import Home
from catalog.progress import Progress, Tick, silent
from catalog.runs.lineage import resolve_parents
from catalog.runs.reading import LedgerFolder
from catalog.runs.registering import Registered, register
from catalog.runs.segments import Known, Segment, fresh_segments
from catalog.runs.settling import settle
from catalog.runs.taking import Taken, Taker, chunks
from catalog.sql import load
from catalog.store import Store

Prepared = tuple[list[Segment], dict[str, pa.Table]]


@dataclass(frozen=True)
class ImportReport:
    """What taking ledgers in did.

    Attributes:
        runs: the runs looked at.
        segments: how many segments were new.
        exposures: how many exposures they held.
        unknown: how many of those name a sample that the catalog does not know; they are kept.
        problems: segments that could not be read, and what else is wrong, in words.
    """

    runs: list[str]
    segments: int
    exposures: int
    unknown: int
    problems: list[str]


def import_runs(
    home: Home,
    names: Sequence[str] = (),
    *,
    name_as: str | None = None,
    anew: bool = False,
    progress: Progress = silent,
) -> ImportReport:
    """Take in what trainers logged.

    Args:
        home: the catalog's.
        names: runs in the home's ledger folder, or paths or URIs of a run's folder or of one that
            holds several; none means all in the home.
        name_as: what the run is to be called here, if not as in its ledger.
        anew: work attempts and coverage out again, even if nothing came.
        progress: is told how far the import is.

    Raises:
        UnknownName: there is no ledger of that name.
        Conflict: another run of that name is here; with several ledgers it is told as a problem.
        InvalidInput: the ledger does not say whose it is; or likewise.
    """
    folders = _folders(home, names)
    if name_as is not None and len(folders) != 1:
        raise InvalidInput(
            f"{len(folders)} runs cannot all be called {name_as!r}",
            hint="Name the one ledger that --as is for.",
        )
    taker, taken = Taker(home), Taken()
    runs: list[Registered] = []
    problems: list[str] = []
    for folder in folders:
        try:
            work = _Work(home, folder, taker, problems)
            runs.append(work.register(name_as))
            taken.add(work.take(progress, anew=anew))
        except CatalogError as error:
            if names and len(folders) == 1:
                raise
            if not isinstance(error, InvalidInput | Conflict):
                raise
            problems.append(error.message)
    if not names:
        _settle_others(home, {run.run_id for run in runs})
    problems += resolve_parents(home, {run.run_id for run in runs if run.is_new})
    return ImportReport(
        [run.name for run in runs], taken.segments, taken.exposures, taken.unknown, problems
    )


def _settle_others(home: Home, done: set[int]) -> None:
    """Work out what is recorded of runs whose ledgers are elsewhere, after a kill or an upgrade."""
    with Store(home).read() as reader:
        waiting = [row for row in reader.rows(load("runs/unsettled")) if row["run_id"] not in done]
    for row in waiting:
        settle(home, row["run_id"], row["ledger"], LedgerFolder.at(home.ledger / row["name"]), [])


def _folders(home: Home, names: Sequence[str]) -> list[LedgerFolder]:
    """Return the folders that names stand for, each once."""
    own = LedgerFolder.at(home.ledger)
    if not names:
        return list(own.runs())
    found: dict[str, LedgerFolder] = {}
    for name in names:
        for folder in _named(home, name) or _unknown(own, home, name):
            found.setdefault(folder.path, folder)
    return list(found.values())


def _named(home: Home, name: str) -> list[LedgerFolder]:
    places: list[Any] = [name] if "://" in name else [home.ledger / name, name]
    for place in places:
        folder = LedgerFolder.at(place)
        if folder.holds_run():
            return [folder]
        if below := list(folder.runs()):
            return below
    return []


def _unknown(own: LedgerFolder, home: Home, name: str) -> list[LedgerFolder]:
    known = [folder.name for folder in own.runs()]
    raise UnknownName.among("ledger", name, known, hint=f"Ledgers are in {home.ledger}.")


class _Work:
    """The import of one run's folder."""

    def __init__(self, home: Home, folder: LedgerFolder, taker: Taker, problems: list[str]) -> None:
        self._home, self._folder, self._taker = home, folder, taker
        self._problems = problems
        self._manifest = folder.manifest()
        self._run_id, self._is_new = 0, False

    def register(self, name_as: str | None) -> Registered:
        """Find or make the run."""
        found = register(self._home, self._manifest, name_as, self._problems)
        self._run_id, self._is_new = found.run_id, found.is_new
        return found

    def take(self, progress: Progress, *, anew: bool) -> Taken:
        """Take in what is new, and bring up to date what follows from it."""
        run, taken = self._manifest["run"], Taken()
        known = {} if self._is_new else self._known()
        whole = sum(
            listed.size_bytes
            for listed in self._folder.listed()
            if listed.name.endswith(".arrow") and (listed.name not in known)
        )
        done = 0
        fresh = fresh_segments(self._folder, run, known, self._problems)
        for segments, ready in _ahead(self._taker, chunks(fresh)):
            taken.add(self._taker.take(self._run_id, segments, ready))
            done += sum(segment.size_bytes for segment in segments)
            counts = {"segments": taken.segments, "exposures": taken.exposures}
            progress(Tick(f"import {run}", min(1.0, done / whole) if whole else None, counts))
        settle(
            self._home,
            self._run_id,
            run,
            self._folder,
            self._problems,
            anew=anew or taken.segments > 0,
        )
        return taken

    def _known(self) -> dict[str, Known]:
        with Store(self._home).read() as reader:
            rows = reader.rows(
                "select name, digest, problem from ledger_segment where run_id = $r",
                r=self._run_id,
            )
        return {row["name"]: Known(row["digest"], row["problem"]) for row in rows}


def _ahead(taker: Taker, coming: Iterator[list[Segment]]) -> Iterator[Prepared]:
    """Read and prepare the next segments while the last are being committed."""

    def prepare() -> Prepared | None:
        segments = next(coming, None)
        return None if segments is None else (segments, taker.prepare(segments))

    with ThreadPoolExecutor(1) as pool:
        next_one = pool.submit(prepare)
        while (ready := next_one.result()) is not None:
            next_one = pool.submit(prepare)
            yield ready
