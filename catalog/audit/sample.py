"""One sample: where it came from, what holds it, who was shown it, and which models contain it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catalog.audit.coverage import Coverage, coverage, unimported
from catalog.audit.finding import find_any
from catalog.home import Home
from catalog.identity import plain_messages
from catalog.sql import load
from catalog.store import Reader, Rows, Store


@dataclass(frozen=True)
class SampleAudit:
    """All that the catalog knows of one sample.

    Attributes:
        hash: its content hash, 64 hexadecimal digits.
        known: False if only a ledger names it: nothing but its hash and its runs is known.
        messages: role and content, and what else a message has.
        retired: why it was taken back, or None.
        sources: where it came from, the first appearance first.
        snapshots: which hold it, and why it was chosen.
        runs: which were shown it, in which attempts and at which steps; `contributed` of its
            exposures changed the model, `effective` of them led to the run's newest model.
        checkpoints: those that contain it.
        descendants: runs that were tuned from a model that contains it.
        dropped: runs that left it out before training, and why.
        coverage: how much is recorded of every run, since any of them might have seen it.
        unimported: runs whose ledgers in the home are not wholly imported.
    """

    hash: str
    known: bool
    messages: Rows
    retired: str | None
    sources: Rows
    snapshots: Rows
    runs: Rows
    checkpoints: Rows
    descendants: Rows
    dropped: Rows
    coverage: list[Coverage]
    unimported: list[str]


def audit_sample(home: Home, reference: str) -> SampleAudit:
    """Tell where a sample came from, which snapshots hold it and which runs saw it.

    Args:
        home: the catalog's.
        reference: its content hash, at least 8 digits of it, or an external id.

    Raises:
        UnknownName: there is no such sample, and no ledger names such a hash.
        InvalidInput: it stands for several.
    """
    with Store(home).read() as reader:
        return about(reader, home, find_any(reader, reference))


def about(reader: Reader, home: Home, sample: Mapping[str, Any]) -> SampleAudit:
    """Tell all of a sample that was found."""
    own = {"sample_id": sample["sample_id"]}
    ids = [row["sample_id"] for row in reader.rows(load("audit/sample_ids"), **own)]
    logged = own | {"logged_id": min(ids)}
    reader.make("met", load("audit/met"), **logged)
    reader.make("met", load("audit/met_steps"))
    waiting = unimported(reader, home)
    return SampleAudit(
        sample["hash"],
        sample["sample_id"] > 0,
        plain_messages(sample.get("messages") or []),
        sample.get("retired"),
        reader.rows(load("audit/sample_sources"), **own),
        reader.rows(load("audit/sample_snapshots"), **own),
        reader.rows(load("audit/sample_runs")),
        reader.rows(load("audit/sample_checkpoints")),
        reader.rows(load("audit/descendants")),
        reader.rows(load("audit/sample_dropped"), **logged),
        coverage(reader, waiting),
        waiting,
    )
