"""A run is begun: its row, and the folder that its ledger goes on in."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.errors import Conflict, InvalidInput, UnknownName
from catalog.home import Home
from catalog.ledger import MANIFEST, RunFolder
from catalog.model import check_name
from catalog.runs.lineage import find_parent, resolve_parents
from catalog.runs.reading import LedgerFolder
from catalog.runs.registering import register
from catalog.snapshot import find
from catalog.store import Reader, Store

TOLD = {"model": "model", "parent": "parent", "snapshots": "snapshot", "config": "config"}
"""What a run is begun with, by its name in the manifest, as options call it."""


@dataclass(frozen=True)
class Started:
    """A run that can be logged now.

    Attributes:
        run: its name.
        attempt: the number of the attempt that comes next.
        is_new: whether it was begun just now; else it goes on.
        folder: where its ledger lies.
        snapshots: what it is trained on, each as `name@version`.
        parent: the run whose model it tunes, as it was named.
    """

    run: str
    attempt: int
    is_new: bool
    folder: str
    snapshots: list[str]
    parent: str | None


def start_run(
    home: Home,
    name: str,
    *,
    model: str | None = None,
    parent: str | None = None,
    snapshots: Sequence[str] = (),
    config: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
) -> Started:
    """Begin a run, or go on with one that was begun in the same way; a `Ledger` fills it.

    Args:
        home: the catalog's.
        name: what it is called; nothing else may be.
        model: what is tuned: a base model, or the parent's.
        parent: the run whose model is tuned further: `RUN`, or `RUN:STEP` for a checkpoint of it.
        snapshots: what it is trained on; a name without a version is its newest.
        config: whatever of the training is worth keeping.
        tags: texts by key.

    Raises:
        UnknownName: a snapshot or the parent is not here.
        Conflict: the run is finished, or was begun in another way.
        InvalidInput: it cannot be a name.
    """
    check_name(name)
    about = {
        "snapshots": [str(find(home, reference)) for reference in snapshots],
        "model": model,
        "parent": parent,
        "config": dict(config or {}),
        "tags": dict(tags or {}),
    }
    with Store(home).read() as reader:
        before = reader.row("select * from run where name = $name", name=name)
        _check_parent(reader, name, parent)
    folder = RunFolder(home.path, name)
    if before:
        _require_alike(before, about)
        # The folder may have been moved away since: it is the same run when it comes back.
        folder.create()
        folder.put(MANIFEST, before["manifest"].encode(), exclusive=True)
    folder.describe(about)
    manifest = LedgerFolder.at(folder.path).manifest()
    if not before:
        _require_alike({"name": name, "manifest": json.dumps(manifest)}, about)
    problems: list[str] = []
    registered = register(home, manifest, None, problems)
    resolve_parents(home, {registered.run_id})
    attempt = folder.next_attempt()
    return Started(
        name,
        attempt,
        before is None and attempt == 0,
        folder.path,
        list(manifest.get("snapshots") or []),
        manifest.get("parent"),
    )


def _check_parent(reader: Reader, name: str, parent: str | None) -> None:
    if parent is None:
        return
    if found := find_parent(reader, parent):
        run_id, step = found
        final = reader.value("select final_step from run where run_id = $r", r=run_id)
        if step is not None and final is not None and step > final:
            raise Conflict(
                f"{parent!r} names step {step:,} of a run that ended after step {final:,}",
                hint="Name one of its checkpoints, or the run alone for its end.",
            )
        return
    known = [row["name"] for row in reader.rows("select name from run order by run_id desc")]
    raise UnknownName.among(
        "run", parent, known, hint="A checkpoint of a run is RUN:STEP; a base model is --model."
    )


def _require_alike(before: Mapping[str, Any], about: Mapping[str, Any]) -> None:
    """Check that a run is not begun in two ways; what is not told now is as it was."""
    name, manifest = before["name"], json.loads(before["manifest"])
    if before.get("finished_at"):
        raise Conflict(
            f"the run {name!r} is finished since {before['finished_at']:%Y-%m-%d %H:%M}",
            hint=f"Give what is trained next a name of its own, with --parent {name}.",
        )
    for key in (*TOLD, "tags"):
        now, then = about[key], manifest.get(key)
        if now and json.loads(json.dumps(now)) != then:
            raise Conflict(
                f"the run {name!r} was begun with {TOLD.get(key, key)} {_short(then)}, "
                f"and now with {_short(now)}",
                hint="Leave the option out to go on with it, or give this run another name.",
            )


def _short(value: object) -> str:
    if not value:
        return "none"
    text = ", ".join(value) if isinstance(value, list) else value
    return text if isinstance(text, str) else json.dumps(text, sort_keys=True)[:200]


def read_config(path: str) -> dict[str, Any]:
    """Return what a configuration file says: YAML, which JSON is too.

    Raises:
        InvalidInput: it cannot be read, or holds something else than names with values.
    """
    from pathlib import Path

    import yaml

    try:
        found = yaml.safe_load(Path(path).read_text(encoding="utf-8-sig"))
        if not isinstance(found, dict):
            raise ValueError("it holds no names with values")
        plain: dict[str, Any] = json.loads(json.dumps(found, default=str), parse_constant=str)
        return plain
    except (OSError, ValueError, TypeError, RecursionError, yaml.YAMLError) as error:
        raise InvalidInput(
            f"the configuration {path} cannot be read: {error}", hint="Give JSON or YAML."
        ) from error
