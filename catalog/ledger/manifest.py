"""What a run's folder says of the run, read and checked."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from catalog.errors import InvalidInput

MANIFEST = "run.json"


def read_manifest(path: Path) -> dict[str, Any]:
    """Return what a run's manifest says.

    Raises:
        InvalidInput: it is missing, or no manifest.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _no_manifest(path, error) from error
    return parse_manifest(content, path)


def parse_manifest(content: bytes, path: object) -> dict[str, Any]:
    """Return what the bytes of a manifest say; the path is for messages.

    Raises:
        InvalidInput: they are no manifest.
    """
    try:
        # NaN, as Python writes it, is no JSON: kept as text. A lone surrogate is no text at all.
        found = json.loads(content, parse_constant=str)
        found = json.loads(json.dumps(found, ensure_ascii=False).encode(errors="replace"))
        snapshots = found.get("snapshots", [])
        if type(found["run"]) is not str or any(type(name) is not str for name in snapshots):
            raise ValueError("a name is no text")
        datetime.fromisoformat(found["started_at"])
        return dict(found)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _no_manifest(path, error) from error


def _no_manifest(path: object, error: Exception) -> InvalidInput:
    return InvalidInput(
        f"{path} does not describe a run: {error!r}",
        hint="It is written by `catalog.ledger.Ledger`.",
    )


def ledgers(folder: Path) -> Iterator[tuple[Path, str, list[str]]]:
    """Give every run logged in a folder: where, its name, and the snapshots it names.

    One whose manifest is damaged, or missing where segments are, goes by its folder's name.
    """
    for path in sorted(folder.glob("*/")):
        if not (path / MANIFEST).is_file() and not any(path.glob("*.arrow")):
            continue
        try:
            found = read_manifest(path / MANIFEST)
        except InvalidInput:
            found = {"run": path.name}
        yield path, found["run"], found.get("snapshots", [])
