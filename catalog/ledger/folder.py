"""Where the ledger of one run lies: a folder, on a disk or in an object store."""

import json
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from operator import index
from pathlib import Path
from typing import Any
from uuid import uuid4

from catalog.errors import Conflict, InvalidInput
from catalog.ledger.files import Files, mapped
from catalog.ledger.manifest import MANIFEST, parse_manifest

FINISHED = "finished.json"
CLAIM = re.compile(r"attempt-(\d+)-(\d+)\.json")
LIBRARIES = ("torch", "transformers", "trl", "accelerate", "tokenizers", "datasets")


class RunFolder(Files):
    """The files of one run: what it is, its attempts, and the segments of all its processes.

    Nothing is made before something is written.

    Args:
        place: a catalog's home, or a folder or URI that holds ledgers.
        run: the run's name, which is its folder's.

    Raises:
        InvalidInput: the name cannot be a folder's, or the URI is no file system's.
    """

    def __init__(self, place: str | Path, run: str) -> None:
        if (
            type(run) is not str
            or not run.isprintable()
            or run != Path(run).name
            or run.startswith(".")
            or not run
        ):
            raise InvalidInput(
                f"{run!r} cannot be a run's name",
                hint="It becomes a folder's name: printable, no slash, no dot in front.",
            )
        super().__init__(place, run)
        self.run = run

    def describe(self, about: Mapping[str, Any]) -> None:
        """Write what the run is, once; a later attempt must be on the same snapshots.

        Args:
            about: `snapshots`, `model`, `parent` and what else is worth keeping.

        Raises:
            Conflict: the run is finished, is another one, or was trained on something else.
            InvalidInput: its files are damaged, or cannot be written.
        """
        new = {"run": self.run, "uid": uuid4().hex, **about, "started_at": _now()}
        content = _json(new)
        with mapped(f"{self.path} cannot be written"):
            self.create()
            if self.exists(FINISHED):
                raise Conflict(
                    f"the run {self.run!r} is finished",
                    hint="Give what is trained next a name of its own, and this one as its parent.",
                )
            if self.put(MANIFEST, content, exclusive=True):
                return
        before = parse_manifest(self.read(MANIFEST), f"{self.path}/{MANIFEST}")
        for name in ("run", "snapshots", "model", "parent"):
            now = new.get(name)
            if now and before.get(name) and now != before[name]:
                raise Conflict(
                    f"the run {self.run!r} was begun with {name} {before[name]!r}, "
                    f"and now with {now!r}",
                    hint="Give what is trained in another way a name of its own.",
                )

    def claim(
        self,
        rank: int,
        world_size: int | None,
        attempt: int | None,
        resumed: Mapping[str, Any] | None,
        about: Mapping[str, Any],
    ) -> int:
        """Take part in an attempt and return its number.

        Without a number it is the newest that this rank has no part in, else the next: processes
        that start together find each other without talking. That is right if every process of the
        start before got here, or if one that did is the first to be here again.

        Args:
            rank: of this process.
            world_size: how many ranks there are, if known.
            attempt: the number that the processes agreed on, if they did.
            resumed: what the checkpoint says that training goes on from.
            about: what is kept with the attempt.

        Raises:
            Conflict: this rank had its part in that attempt already.
            InvalidInput: `resumed` is another run's, or nothing can be written.
        """
        parent = self._parent(resumed)
        first = parent["attempt"] + 1 if parent else 0
        if attempt is not None and attempt < first:
            raise InvalidInput(
                f"attempt {attempt} cannot go on from attempt {first - 1}",
                hint="Leave the attempt's number out to have the next one.",
            )
        claim = {
            "rank": rank,
            "world_size": world_size,
            "parent": parent,
            "told": {**about},
            "started_at": _now(),
            "software": {"python": sys.version.split()[0]} | _versions(),
        }
        number = max(first, self._next(rank, claim)) if attempt is None else attempt
        with mapped(f"{self.path} cannot be written"):
            while not self.put(_claim_of(number, rank), _json(claim), exclusive=True):
                if attempt is not None:
                    raise Conflict(
                        f"rank {rank} of the run {self.run!r} has logged attempt {number} already",
                        hint="Leave the attempt's number out to have the next one.",
                    )
                number += 1
            self.remove_partial(f"*-{rank:05d}-*")
        return number

    def _parent(self, resumed: Mapping[str, Any] | None) -> dict[str, Any] | None:
        if resumed is None:
            return None
        try:
            parent = {name: index(resumed[name]) for name in ("attempt", "step")}
        except (KeyError, TypeError) as error:
            raise InvalidInput(
                f"{resumed!r} does not say which attempt and step training goes on from",
                hint="Give back what `checkpoint` gave, or None for a fresh start.",
            ) from error
        if resumed.get("run", self.run) != self.run:
            raise InvalidInput(
                f"the checkpoint is of the run {resumed['run']!r}, not of {self.run!r}",
                hint="What tunes another run's model is a run of its own: name that one as parent.",
            )
        return {"run": self.run, **parent}

    def _next(self, rank: int, claim: Mapping[str, Any]) -> int:
        claims = self._claims()
        newest = max(claims, default=-1)
        ranks = claims.get(newest, [rank])
        if rank in ranks:
            return newest + 1
        other = self.read_json(_claim_of(newest, ranks[0]))
        together = all(other.get(name) == claim[name] for name in ("world_size", "parent"))
        return newest if together else newest + 1

    def next_attempt(self) -> int:
        """Return a number that no process has used: for one of several to tell the others."""
        return max(self._claims(), default=-1) + 1

    def _claims(self) -> dict[int, list[int]]:
        """Return the ranks that have a part in each attempt."""
        found: dict[int, list[int]] = {}
        for name in self.names():
            if match := CLAIM.fullmatch(name):
                found.setdefault(int(match[1]), []).append(int(match[2]))
        return found


def _claim_of(attempt: int, rank: int) -> str:
    return f"attempt-{attempt:04d}-{rank:05d}.json"


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _json(value: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(value, indent=2, default=str).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(
            f"what is told of the run cannot be kept as JSON: {error}",
            hint="Its keys must be texts, and nothing may hold itself.",
        ) from error


def _versions() -> dict[str, str]:
    loaded = {name: getattr(sys.modules.get(name), "__version__", None) for name in LIBRARIES}
    return {name: str(version) for name, version in loaded.items() if version}
