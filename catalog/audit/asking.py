"""Who saw what, in both directions: statements of `queries/audit/`, put together."""

from dataclasses import dataclass
from typing import Any

from catalog.errors import InvalidInput, UnknownName
from catalog.home import Home
from catalog.identity import plain_messages
from catalog.ledger import ledgers
from catalog.sql import load
from catalog.store import Reader, Store

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class SampleAudit:
    """All that the catalog knows of one sample.

    Attributes:
        hash: its content hash, 64 hexadecimal digits.
        messages: role and content, and what else a message has.
        retired: why it was taken back, or None.
        sources: where it came from, the first appearance first.
        snapshots: which hold it, and why it was chosen.
        runs: which saw it, and at which steps.
        unimported: ledgers in the home that are not imported, or not up to date.
    """

    hash: str
    messages: Rows
    retired: str | None
    sources: Rows
    snapshots: Rows
    runs: Rows
    unimported: list[str]


@dataclass(frozen=True)
class RunAudit:
    """What one run saw.

    Attributes:
        summary: the row of `queries/audit/run.sql`.
        sources: the rows of `queries/audit/run_sources.sql`.
        unimported: as for `SampleAudit`.
    """

    summary: dict[str, Any]
    sources: Rows
    unimported: list[str]


def find_sample(reader: Reader, reference: str) -> dict[str, Any]:
    """Return the sample that a content hash, the beginning of one, or an external id stands for.

    Raises:
        UnknownName: there is no such sample.
        InvalidInput: it stands for several.
    """
    found = reader.rows(load("audit/find_sample"), reference=reference)
    if not found:
        raise UnknownName(
            f"no sample with the hash or id {reference!r}",
            hint="Give a content hash, at least 8 digits of one, or the `id` of a row; "
            "`catalog sql` finds samples by their text.",
        )
    if len(found) > 1:
        hashes = ", ".join(row["hash"][:16] for row in found[:5])
        raise InvalidInput(
            f"{reference!r} stands for {len(found)} samples: {hashes}",
            hint="Give more of the content hash of the one you mean.",
        )
    return found[0]


def audit_sample(home: Home, reference: str) -> SampleAudit:
    """Tell where a sample came from, which snapshots hold it and which runs saw it.

    Args:
        home: the catalog's.
        reference: its content hash, at least 8 digits of it, or an external id.

    Raises:
        UnknownName: there is no such sample.
        InvalidInput: it stands for several.
    """
    with Store(home).read() as reader:
        sample = find_sample(reader, reference)
        about = {
            name: reader.rows(load(f"audit/sample_{name}"), sample_id=sample["sample_id"])
            for name in ("sources", "snapshots", "runs")
        }
    messages = plain_messages(sample["messages"])
    return SampleAudit(
        sample["hash"], messages, sample["retired"], **about, unimported=unimported(home)
    )


def audit_run(home: Home, run: str) -> RunAudit:
    """Tell what a run saw, and whether that is what its snapshot holds.

    Raises:
        UnknownName: there is no such run.
    """
    with Store(home).read() as reader:
        summary = reader.row(load("audit/run"), run=run)
        if summary is None:
            known = [row["name"] for row in reader.rows(load("show/runs"))]
            raise UnknownName.among(
                "run", run, known, hint="Take ledgers in with `catalog runs import`."
            )
        sources = reader.rows(load("audit/run_sources"), run=run)
    return RunAudit(summary, sources, unimported(home))


def unimported(home: Home) -> list[str]:
    """Return the runs whose ledger holds segments that are not imported: not "not seen"."""
    with Store(home).read() as reader:
        rows = reader.rows(
            "select r.name as run, s.name from ledger_segment as s join run as r using (run_id)"
        )
    known = {(row["run"], row["name"]) for row in rows}
    return sorted(
        run
        for folder, run, _ in ledgers(home.ledger)
        if any((run, path.name) not in known for path in folder.glob("*.arrow"))
    )
