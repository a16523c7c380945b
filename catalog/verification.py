"""Snapshots checked whole: hashed anew from the text, as far as it was not destroyed on purpose."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from catalog.errors import TextPurged, VerificationFailed
from catalog.home import Home
from catalog.identity import content_hash, encode_message
from catalog.snapshot import Snapshot, find
from catalog.sql import load
from catalog.store import Store

VERIFY_ROWS = 20_000
LAST_POSITION = 2**62


@dataclass(frozen=True)
class Verification:
    """What checking a snapshot found.

    Attributes:
        snapshot: `name@version`.
        members: how many it has.
        problems: what is not as it was frozen; empty if all is.
        purged: how many members' text was destroyed: for these the stored hash stands alone.
    """

    snapshot: str
    members: int
    problems: list[str]
    purged: int = 0


def verify(home: Home, reference: str) -> Verification:
    """Check a snapshot against its digest, from the text up: every member is hashed anew.

    Of purged members no text is left to hash: their stored hashes go into the digest.
    """
    snapshot = find(home, reference)
    purged = set(purged_positions(snapshot))
    problems: list[str] = []
    whole = sha256()
    count = expected = 0
    for position, stored, recomputed, repeats in _rehash(home, snapshot):
        if position > expected:
            problems.append(f"no member at position {expected}, the next is at {position}")
        elif position < expected:
            problems.append(f"position {position} is there twice")
        if position in purged:
            recomputed = stored
        if stored != recomputed:
            problems.append(f"position {position}: the text is not what was frozen")
        count, expected = count + 1, position + 1
        whole.update(recomputed * repeats)
    if count != snapshot.size:
        problems.append(f"{count} members are stored, {snapshot.size} were frozen")
    if not problems and whole.hexdigest() != snapshot.digest:
        problems.append("the members are not those that were frozen, or not in their order")
    return Verification(str(snapshot), count, problems, len(purged))


def purged_positions(snapshot: Snapshot) -> list[int]:
    """Return the positions of members whose text was destroyed, ascending."""
    with Store(snapshot.home).read() as reader:
        rows = reader.rows(load("show/purged_members"), snapshot_id=snapshot.snapshot_id)
    return [row["position"] for row in rows]


def require_text(snapshot: Snapshot) -> None:
    """Check that all members still have their text, before it is trained on or written out.

    Raises:
        TextPurged: some have not.
    """
    if gone := purged_positions(snapshot):
        raise TextPurged(
            f"the text of {len(gone):,} of the {snapshot.size:,} members of {snapshot} was purged",
            hint=f"Select again without them: catalog select NAME --like {snapshot}.",
        )


def require_verified(found: Verification) -> None:
    """Turn a failed check into an error.

    Raises:
        VerificationFailed: something is not as it was frozen.
    """
    if found.problems:
        listed = "; ".join(found.problems[:3])
        raise VerificationFailed(
            f"{found.snapshot} is not what was frozen: {listed} ({len(found.problems)} problems)",
            hint="Restore a backup with `catalog restore`, or select again.",
        )


def _rehash(home: Home, snapshot: Snapshot) -> Iterator[tuple[int, bytes, bytes, int]]:
    """Give every member's position, stored hash, hash of its text and repeats, in order."""
    for start in range(0, max(snapshot.size, 1), VERIFY_ROWS):
        whole = start + VERIFY_ROWS < snapshot.size
        with Store(home).read() as reader:
            rows = reader.arrow(
                load("show/member_text"),
                snapshot_id=snapshot.snapshot_id,
                first=start,
                last=start + VERIFY_ROWS - 1 if whole else LAST_POSITION,
            ).to_pylist()
        for row in rows:
            yield row["position"], row["content_hash"], text_hash(row), row["repeats"]


def text_hash(row: Mapping[str, Any]) -> bytes:
    """Return the content hash of a text as it is stored, or nothing if that is no conversation."""
    try:
        messages = [
            encode_message(m["role"], m["content"], json.loads(m["extra"] or "null"))
            for m in row["messages"]
        ]
        return content_hash(messages, json.loads(row["tools"] or "null"))
    except (TypeError, ValueError, AttributeError):
        return b""
