"""The ledger: what a trainer appends as it goes, so that it can later be told what it saw.

Light enough to live inside any trainer: pyarrow and the standard library, no database, no torch.
Segments are written aside and renamed, so one that exists can be read, whatever was killed when.
"""

import json
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from operator import index
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any

import pyarrow as pa

from catalog.errors import Conflict, InvalidInput

MANIFEST = "run.json"
FLUSH_SECONDS = 10.0
FLUSH_EXPOSURES = 100_000
HASH_BYTES = 32
SCHEMA = pa.schema(
    [
        ("attempt", pa.int32()),
        ("step", pa.int64()),
        ("position", pa.int64()),
        ("epoch", pa.int32()),
        ("process", pa.int32()),
        ("content_hash", pa.binary(HASH_BYTES)),
    ]
)


class Ledger:
    """An append-only log of exposures of one process of one run.

    ::

        with Ledger(".catalog/ledger", "tiny", snapshot="math@1") as ledger:
            ledger.record(step=1, content_hashes=batch["content_hash"])

    Args:
        folder: the ledger folder of a home: `<home>/ledger`.
        run: the run's name; one that was logged before goes on as its next attempt.
        snapshot: `name@version` it is trained on, if it is one.
        model: what is tuned.
        process: the data-parallel rank of this process.
        config: anything worth keeping about the run, as JSON.
        flush_seconds: how much time a kill may cost.
    """

    def __init__(
        self,
        folder: str | Path,
        run: str,
        *,
        snapshot: str | None = None,
        model: str | None = None,
        process: int = 0,
        config: dict[str, Any] | None = None,
        flush_seconds: float = FLUSH_SECONDS,
    ) -> None:
        if not run or not run.isprintable() or run != Path(run).name or run.startswith("."):
            raise InvalidInput(
                f"{run!r} cannot be a run's name",
                hint="It becomes a folder's name: printable, no slash, no dot in front.",
            )
        if (Path(folder) / "catalog.toml").exists():
            raise InvalidInput(
                f"{folder} is a home, not its ledger folder",
                hint=f"Give {Path(folder) / 'ledger'}.",
            )
        self._folder = Path(folder) / run
        self._folder.mkdir(parents=True, exist_ok=True)
        self._process = process
        self._flush_seconds = flush_seconds
        self._describe(run, snapshot, model, config or {})
        self._attempt = self._claim_attempt()
        self._segment = 0
        self._rows: list[tuple[int, int, int, bytes]] = []
        self._position = 0
        self._step: int | None = None
        self._flushed_at = monotonic()

    def _describe(
        self, run: str, snapshot: str | None, model: str | None, config: dict[str, Any]
    ) -> None:
        """Write what the run is, once; a later attempt must be on the same snapshot."""
        path = self._folder / MANIFEST
        if path.exists():
            before = read_manifest(path).get("snapshot")
            if snapshot not in (None, before):
                raise Conflict(
                    f"the run {run!r} was trained on {before}, and now on {snapshot}",
                    hint="Give what is trained on something else a name of its own.",
                )
            return
        manifest = {
            "run": run,
            "snapshot": snapshot,
            "model": model,
            "config": config,
            "started_at": datetime.now(UTC).isoformat(),
        }
        _write_aside(path, json.dumps(manifest, indent=2, default=str).encode())

    def _claim_attempt(self) -> int:
        """Take the next number that no earlier attempt of this process has."""
        attempt = 0
        while True:
            claim = self._folder / f"attempt-{attempt:04d}-{self._process:04d}"
            try:
                claim.touch(exist_ok=False)
            except FileExistsError:
                attempt += 1
            else:
                return attempt

    def record(self, *, step: int, content_hashes: Iterable[str | bytes], epoch: int = 0) -> None:
        """Append the samples that a step was trained on, in order.

        Args:
            step: the optimizer step, from 1; several calls may belong to one.
            content_hashes: of the samples: 32 bytes each, or 64 hexadecimal digits.
            epoch: the pass over the data, from 0.
        """
        found = [_hash(given) for given in content_hashes]
        if step != self._step:
            self._step, self._position = step, 0
        for position, content_hash in enumerate(found, self._position):
            self._rows.append((index(step), position, index(epoch), content_hash))
        self._position += len(found)
        late = monotonic() - self._flushed_at > self._flush_seconds
        if late or len(self._rows) >= FLUSH_EXPOSURES:
            self.flush()

    def flush(self) -> None:
        """Put on disk what was recorded since the last time."""
        if self._rows:
            steps, positions, epochs, hashes = zip(*self._rows, strict=True)
            count = len(self._rows)
            fixed = [
                pa.repeat(pa.scalar(n, pa.int32()), count) for n in (self._attempt, self._process)
            ]
            columns = [fixed[0], steps, positions, epochs, fixed[1], hashes]
            arrays = [pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)]
            sink = pa.BufferOutputStream()
            with pa.ipc.new_file(sink, SCHEMA) as writer:
                writer.write_batch(pa.record_batch(arrays, schema=SCHEMA))
            name = f"{self._attempt:04d}-{self._process:04d}-{self._segment:08d}.arrow"
            _write_aside(self._folder / name, sink.getvalue().to_pybytes())
            self._segment += 1
            self._rows = []
        self._flushed_at = monotonic()

    def __enter__(self) -> "Ledger":
        """Use the ledger for a block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Flush what is left, also when training failed: it happened."""
        self.flush()


def read_manifest(path: Path) -> dict[str, Any]:
    """Return what a run's manifest says.

    Raises:
        InvalidInput: it is missing, or no manifest.
    """
    try:
        # NaN, as Python writes it, is no JSON: kept as text. A lone surrogate is no text at all.
        found = json.loads(path.read_bytes(), parse_constant=str)
        found = json.loads(json.dumps(found, ensure_ascii=False).encode(errors="replace"))
        if type(found["run"]) is not str or not isinstance(found.get("snapshot"), str | None):
            raise ValueError("a name is no text")
        datetime.fromisoformat(found["started_at"])
        return dict(found)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(
            f"{path} does not describe a run: {error!r}",
            hint="It is written by `catalog.ledger.Ledger`.",
        ) from error


def ledgers(folder: Path) -> Iterator[tuple[Path, str, str | None]]:
    """Give every run logged in a folder: where, its name, and the snapshot it names.

    One whose manifest is damaged goes by its folder's name.
    """
    for path in sorted(folder.glob(f"*/{MANIFEST}")):
        try:
            found = read_manifest(path)
        except InvalidInput:
            found = {"run": path.parent.name}
        yield path.parent, found["run"], found.get("snapshot")


def _hash(given: str | bytes) -> bytes:
    try:
        found = bytes.fromhex(given) if isinstance(given, str) else memoryview(given).tobytes()
    except (ValueError, TypeError):
        found = b""
    if len(found) != HASH_BYTES:
        raise InvalidInput(
            f"{given!r} is no content hash",
            hint=f"One has {HASH_BYTES} bytes, or {2 * HASH_BYTES} hexadecimal digits.",
        )
    return found


def _write_aside(path: Path, content: bytes) -> None:
    """Write a file so that it is whole or not there, even if the machine stops."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with aside.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    aside.rename(path)
