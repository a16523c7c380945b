"""The check of a whole home: rules, snapshots, vectors, ledgers and files, one after another."""

from collections.abc import Callable, Iterator
from functools import partial

from catalog.checking.fault import Checked, Fault, Faults
from catalog.checking.files import damaged_caches, stale_staging, unfinished_purge
from catalog.checking.ledgers import changed_segments
from catalog.checking.rules import DEFAULT_MEND, broken_rule, unreadable_text
from catalog.checking.snapshots import altered_snapshot, frozen, wrong_coverage
from catalog.checking.texts import altered_texts
from catalog.checking.vectors import broken_vectors
from catalog.errors import CatalogError, HomeBusy
from catalog.home import Home
from catalog.progress import Progress, Tick, silent
from catalog.sql import names

Look = Callable[[], Faults]


def check(home: Home, *, progress: Progress = silent) -> Checked:
    """Look whether a home is whole; nothing is changed.

    Args:
        home: the catalog's.
        progress: is told how many of the checks are made.

    Raises:
        HomeBusy: another process holds the home.
    """
    looks = list(_looks(home))
    faults: list[Fault] = []
    for number, (name, look) in enumerate(looks):
        progress(Tick("check", number / len(looks), {"checks": number}))
        faults += _found(name, look)
    progress(Tick("check", 1.0, {"checks": len(looks)}))
    return Checked(len(looks), faults)


def _looks(home: Home) -> Iterator[tuple[str, Look]]:
    for name in names("check"):
        yield f"check/{name}", partial(broken_rule, home, name)
    yield "database", partial(unreadable_text, home)
    yield "texts", partial(altered_texts, home)
    try:
        snapshots = frozen(home)
    except CatalogError:
        snapshots = []  # the database is told to be damaged by the other checks
    for row in snapshots:
        yield f"snapshot {row['snapshot']}", partial(altered_snapshot, home, row)
    yield "coverage", partial(wrong_coverage, home)
    yield "vectors", partial(broken_vectors, home)
    yield "ledger", partial(changed_segments, home)
    yield "staging", partial(stale_staging, home)
    yield "purge", partial(unfinished_purge, home)
    yield "cache", partial(damaged_caches, home)


def _found(name: str, look: Look) -> list[Fault]:
    """Return what a check finds; that it cannot be made is a fault as well."""
    try:
        return list(look())
    except HomeBusy:
        raise
    except CatalogError as error:
        what = f"cannot be checked: {error.message.splitlines()[0]}"
        return [Fault(name, what, error.hint or DEFAULT_MEND)]
