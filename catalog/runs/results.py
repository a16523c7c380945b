"""Result files of evaluations, read: lm-evaluation-harness's, and simple JSON."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

from catalog.errors import UnreadableInput

ABOUT = {"", "alias", "name", "sample_len", "sample_count"}
"""What the harness writes between the metrics of a task."""
STDERR = "_stderr"
NO_FILTER = ",none"


@dataclass(frozen=True)
class Score:
    """One number: what a benchmark's metric came to, and under which settings."""

    benchmark: str
    metric: str
    value: float
    stderr: float | None = None
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Refused:
    """A value that is no score, and why."""

    benchmark: str
    metric: str
    reason: str


def read_results(path: Path) -> tuple[bytes, list[Score | Refused]]:
    """Return the bytes of a result file, and what it tells in its order.

    Known forms are what lm-evaluation-harness writes (`results_….json`), `{benchmark: {metric:
    value}}`, `{metric: value}` of a benchmark that is called as the file, and a list of
    `{benchmark, metric, value}`, which may have `stderr` and anything else as settings.

    Raises:
        UnreadableInput: it cannot be read, or has none of these forms.
    """
    try:
        content = path.read_bytes()
        found = json.loads(content.decode("utf-8-sig").encode(errors="replace"))
    except (OSError, ValueError, RecursionError) as error:
        raise UnreadableInput(
            f"{path} cannot be read: {error}", hint="Give a JSON file of results, or a folder."
        ) from error
    told = list(_scores(found, path.stem))
    if not told:
        raise UnreadableInput(
            f"{path} holds no results",
            hint='Give what lm-evaluation-harness writes, or {"benchmark": {"metric": 0.5}}.',
        )
    return content, told


def _scores(found: object, name: str) -> Iterator[Score | Refused]:
    if isinstance(found, list):
        for row in found:
            yield _row(row)
    elif isinstance(found, dict) and isinstance(found.get("results"), dict):
        # Groups stand among the results, and once more alone; older versions have them there only.
        tasks = {**_mappings(found.get("groups")), **found["results"]}
        for task, entry in tasks.items():
            yield from _entry(str(task), entry, _settings(found, str(task)))
    elif isinstance(found, dict):
        alone = {key: value for key, value in found.items() if not isinstance(value, dict)}
        for benchmark, entry in found.items():
            if isinstance(entry, dict):
                yield from _entry(str(benchmark), entry, {})
        yield from _entry(name, alone, {})


def _row(row: object) -> Score | Refused:
    if not isinstance(row, dict) or not row.get("benchmark") or not row.get("metric"):
        return Refused("", "", f"{json.dumps(row)[:80]} names no benchmark and metric")
    benchmark, metric = str(row["benchmark"]), str(row["metric"])
    rest = {
        key: value
        for key, value in row.items()
        if key not in ("benchmark", "metric", "value", "stderr")
    }
    return _score(benchmark, metric, row.get("value"), row.get("stderr"), rest)


def _entry(benchmark: str, entry: object, settings: dict[str, Any]) -> Iterator[Score | Refused]:
    """Give the metrics of a benchmark: `acc,none` is the metric acc without a filter."""
    if not isinstance(entry, Mapping):
        yield Refused(benchmark, "", f"{json.dumps(entry)[:80]} holds no metrics")
        return
    for key, value in entry.items():
        metric, comma, chosen = str(key).partition(",")
        if metric.strip() in ABOUT:
            continue
        base = metric.removesuffix(STDERR)
        if base != metric and f"{base}{comma}{chosen}" in entry:
            continue
        stderr = entry.get(f"{metric}{STDERR}{comma}{chosen}")
        yield _score(benchmark, str(key).removesuffix(NO_FILTER), value, stderr, settings)


def _score(
    benchmark: str, metric: str, value: object, stderr: object, settings: dict[str, Any]
) -> Score | Refused:
    number = _number(value)
    if number is None:
        return Refused(benchmark, metric, f"{json.dumps(value)[:80]} is no number")
    # A standard error that nobody computed is N/A there.
    return Score(benchmark, metric, number, _number(stderr), settings)


def _number(value: object) -> float | None:
    if type(value) not in (int, float):
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except OverflowError:
        return None
    return number if isfinite(number) else None


def _settings(found: Mapping[str, Any], task: str) -> dict[str, Any]:
    """Return what else decides a task's score: its version, shots, samples, a limit."""
    samples = _mappings(found.get("n-samples")).get(task)
    told = {
        "version": _mappings(found.get("versions")).get(task),
        "n_shot": _mappings(found.get("n-shot")).get(task),
        "samples": samples.get("effective") if isinstance(samples, dict) else samples,
        "limit": _mappings(found.get("config")).get("limit"),
    }
    return {name: value for name, value in told.items() if value is not None}


def _mappings(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
