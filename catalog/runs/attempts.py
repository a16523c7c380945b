"""The attempts of a run as a tree: what their claims tell, and what their steps give away."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from catalog.errors import InvalidInput
from catalog.runs.reading import LedgerFolder

CLAIM = re.compile(r"attempt-(\d{1,9})-(\d{1,9})\.json")
Claim = dict[str, Any]


@dataclass(frozen=True)
class Reach:
    """The steps of an attempt that are recorded: the first, and the last that was ended."""

    first_step: int
    last_step: int


@dataclass
class Attempt:
    """One start of a run, and where it went on from.

    Attributes:
        attempt: its number.
        parent_attempt: the attempt whose model it went on with; None for a fresh start.
        parent_step: the last step kept of the parent; 0 for a fresh start.
        assumed: nobody told the parent; it follows from the steps.
        world_size: data-parallel processes; None if nobody told.
        claims: what its processes said when they began, by rank.
    """

    attempt: int
    parent_attempt: int | None = None
    parent_step: int = 0
    assumed: bool = False
    world_size: int | None = None
    claims: dict[int, Claim] = field(default_factory=dict)

    def row(self, run_id: int) -> dict[str, Any]:
        """Return it as the table holds it."""
        claims = {str(rank): self.claims[rank] for rank in sorted(self.claims)}
        return {
            "run_id": run_id,
            "attempt": self.attempt,
            "parent_attempt": self.parent_attempt,
            "parent_step": self.parent_step,
            "assumed": self.assumed,
            "world_size": self.world_size,
            "manifest": {"claims": claims},
            "started_at": min(filter(None, map(_moment, claims.values())), default=None),
        }


def read_claims(folder: LedgerFolder, problems: list[str]) -> dict[int, dict[int, Claim]]:
    """Return what the processes said of each attempt when they began, by attempt and rank."""
    found: dict[int, dict[int, Claim]] = {}
    for listed in folder.listed():
        if match := CLAIM.fullmatch(listed.name):
            try:
                claim = folder.json(listed.name)
            except InvalidInput as error:
                problems.append(error.message)
                claim = {}
            found.setdefault(int(match[1]), {})[int(match[2])] = claim
    return found


def tree(
    run: str,
    claims: Mapping[int, Mapping[int, Claim]],
    reached: Mapping[int, Reach],
    problems: list[str],
) -> list[Attempt]:
    """Return the attempts of a run, in order; nothing in it depends on clocks.

    Args:
        run: its name in its ledger.
        claims: what its processes said, by attempt and rank; `parent` is what a checkpoint gave.
        reached: what is recorded of each attempt.
        problems: told of what does not fit together.
    """
    origin = min([1, *(reach.first_step for reach in reached.values())])
    found: dict[int, Attempt] = {}
    for number in sorted(claims.keys() | reached.keys()):
        said = dict(sorted(claims.get(number, {}).items()))
        attempt = Attempt(number, world_size=_world_size(said), claims=said)
        where = f"attempt {number} of the run {run}"
        told = [parent for claim in said.values() if (parent := claim.get("parent"))]
        if any(parent != told[0] for parent in told):
            problems.append(f"{where}: its processes went on from different checkpoints")
        if told and (parent := _told(told[0], run, number, where, problems)):
            attempt.parent_attempt, attempt.parent_step = parent
            found.setdefault(parent[0], Attempt(parent[0]))
        else:
            _assume(attempt, found.values(), reached, origin)
        found[number] = attempt
    return [found[number] for number in sorted(found)]


def _told(
    parent: object, run: str, number: int, where: str, problems: list[str]
) -> tuple[int, int] | None:
    """Return the attempt and the step that a claim names, if they can be."""
    if not isinstance(parent, dict):
        problems.append(f"{where}: it says it went on from {parent!r}, which is no checkpoint")
        return None
    if parent.get("run") not in (None, run):
        problems.append(f"{where}: it says it went on from the run {parent['run']!r}")
        return None
    attempt, step = parent.get("attempt"), parent.get("step")
    if type(attempt) is not int or type(step) is not int or step < 0:
        problems.append(f"{where}: it says it went on from {parent!r}, which is no checkpoint")
        return None
    if not 0 <= attempt < number:
        problems.append(f"{where}: it says it went on from attempt {attempt}, which is no earlier")
        return None
    return attempt, step


def _assume(
    attempt: Attempt, earlier: Iterable[Attempt], reached: Mapping[int, Reach], origin: int
) -> None:
    """Find the parent of an attempt that nobody told, where its steps do not begin anew.

    It is the newest earlier attempt that came as far; else, as the last steps before a kill may
    not be recorded, the one that came farthest. One that recorded nothing went on from there.
    """
    ends = {
        other.attempt: max(other.parent_step, reach.last_step if reach else 0)
        for other in earlier
        for reach in [reached.get(other.attempt)]
        if reach or other.parent_attempt is not None
    }
    reach = reached.get(attempt.attempt)
    if not ends or (reach and reach.first_step <= origin):
        attempt.assumed = not attempt.claims
        return
    wanted = reach.first_step - 1 if reach else max(ends)
    newest = max(ends)
    step = wanted if reach else ends[newest]
    far = [number for number, end in ends.items() if end >= step]
    attempt.parent_attempt = max(far) if far else max(ends, key=lambda n: (ends[n], n))
    attempt.parent_step, attempt.assumed = step, True


def _world_size(claims: Mapping[int, Claim]) -> int | None:
    sizes = [size for claim in claims.values() if type(size := claim.get("world_size")) is int]
    return max([*sizes, *(rank + 1 for rank in claims)]) if sizes else None


def _moment(claim: Mapping[str, Any]) -> datetime | None:
    try:
        moment = datetime.fromisoformat(claim["started_at"])
    except (KeyError, TypeError, ValueError):
        return None
    return moment.astimezone() if moment.tzinfo is None else moment
