"""Snapshots checked whole: hashed anew from the text, as far as it was not destroyed on purpose."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from catalog.errors import TextPurged, VerificationFailed
from catalog.home import Home
from catalog.progress import Progress, Tick, silent
from catalog.rehashing import HASH_BYTES, Hashes, rehash
from catalog.snapshot import Snapshot, find
from catalog.sql import load
from catalog.store import Store

PART_ROWS = 100_000
"""Members whose hashes go into the digest at once."""

Ids = npt.NDArray[np.int64]


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


def verify(home: Home, reference: str, progress: Progress = silent) -> Verification:
    """Check a snapshot against its digest, from the text up: every member is hashed anew.

    Of purged members no text is left to hash: their stored hashes go into the digest.

    Args:
        home: the catalog's.
        reference: `name@version`, or `name` for the newest.
        progress: is told how far it is.
    """
    snapshot = find(home, reference)
    with Store(home).read() as reader:
        members = reader.arrow(load("show/member_ids"), snapshot_id=snapshot.snapshot_id)
    purged = purged_positions(snapshot)
    ids, member_of = np.unique(members["sample_id"].to_numpy(), return_inverse=True)
    held = _rehash(home, ids, progress)
    there = held.there[member_of]
    member_of = member_of[there]
    positions = members["position"].to_numpy()[there]
    repeats = members["repeats"].to_numpy()[there]
    stands = np.isin(positions, purged)
    problems = list(_misplaced(positions, held.same[member_of] | stands))
    if len(positions) != snapshot.size:
        problems.append(f"{len(positions)} members are stored, {snapshot.size} were frozen")
    if not problems:
        whole = sha256()
        for part in np.array_split(np.arange(len(positions)), -(-len(positions) // PART_ROWS) or 1):
            own = member_of[part]
            hashes = np.where(stands[part, None], held.stored[own], held.computed[own])
            whole.update(np.repeat(hashes, repeats[part], axis=0).tobytes())
        if whole.hexdigest() != snapshot.digest:
            problems.append("the members are not those that were frozen, or not in their order")
    return Verification(str(snapshot), len(positions), problems, len(purged))


def _misplaced(positions: Ids, good: npt.NDArray[np.bool_]) -> Iterator[str]:
    """Tell of positions that are not there, or twice, and of members whose text is another."""
    if good.all() and np.array_equal(positions, np.arange(len(positions))):
        return
    expected = 0
    for position, same in zip(positions.tolist(), good.tolist(), strict=True):
        if position > expected:
            yield f"no member at position {expected}, the next is at {position}"
        elif position < expected:
            yield f"position {position} is there twice"
        if not same:
            yield f"position {position}: the text is not what was frozen"
        expected = position + 1


@dataclass(frozen=True)
class _Held:
    """The samples of a snapshot, each once, by id: arrays of `Rehashed`, and which are there."""

    stored: Hashes
    computed: Hashes
    same: npt.NDArray[np.bool_]
    there: npt.NDArray[np.bool_]


def _rehash(home: Home, ids: Ids, progress: Progress) -> _Held:
    held = _Held(
        np.zeros((len(ids), HASH_BYTES), np.uint8),
        np.zeros((len(ids), HASH_BYTES), np.uint8),
        np.zeros(len(ids), np.bool_),
        np.zeros(len(ids), np.bool_),
    )
    done = 0
    for found in rehash(home, ids):
        rows = np.searchsorted(ids, found.ids)
        held.stored[rows], held.computed[rows] = found.stored, found.computed
        held.same[rows], held.there[rows] = found.same, True
        done += len(rows)
        progress(Tick("verify", done / len(ids), {"samples": done}))
    return held


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
