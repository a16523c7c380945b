"""What a run's models scored, taken in from result files."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from catalog import schema
from catalog.errors import UnreadableInput
from catalog.home import Home
from catalog.runs.finishing import the_run
from catalog.runs.results import Refused, Score, read_results
from catalog.store import Store

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class EvaluationReport:
    """What taking results in did.

    Attributes:
        run: whose they are.
        step: of which checkpoint; None is the run's end.
        files: how many files told something.
        added: how many scores are new.
        same: how many were taken in before, from a file of the same content.
        refused: values that are no scores: file, benchmark, metric, reason.
        problems: files that cannot be used, in words.
    """

    run: str
    step: int | None
    files: int
    added: int
    same: int
    refused: Rows
    problems: list[str]


def import_results(home: Home, run: str, path: str, *, step: int | None = None) -> EvaluationReport:
    """Take in what a run's model scored; what was taken in stays, what is taken in last counts.

    Args:
        home: the catalog's.
        run: the run's name.
        path: a result file, or a folder with any number of them in it and below.
        step: the checkpoint that was evaluated; None is the run's end.

    Raises:
        UnknownName: there is no such run.
        UnreadableInput: there is no such file, or it holds no results.
    """
    with Store(home).read() as reader:
        run_id = int(the_run(reader, run)["run_id"])
    scores: dict[tuple[Any, ...], dict[str, Any]] = {}
    refused: Rows = []
    problems: list[str] = []
    files = result_files(Path(path))
    for file in files:
        try:
            content, told = read_results(file)
        except UnreadableInput as error:
            if not Path(path).is_dir():
                raise
            problems.append(error.message)
            continue
        whose = {"run_id": run_id, "step": step, "file": str(file)}
        whose["digest"] = sha256(content).hexdigest()
        for found in told:
            if isinstance(found, Refused):
                refused.append({"file": str(file), **asdict(found)})
            else:
                scores[_key(found)] = {**whose, **asdict(found)}
    added = _add(home, run_id, step, scores)
    same = len(scores) - added
    return EvaluationReport(run, step, len(files) - len(problems), added, same, refused, problems)


def result_files(path: Path) -> list[Path]:
    """Return the result files at a path: it, or in a folder the harness's, else all JSON files.

    Raises:
        UnreadableInput: there are none.
    """
    if not path.is_dir():
        return [path]
    found = sorted(path.rglob("results*.json")) or sorted(path.rglob("*.json"))
    if not found:
        raise UnreadableInput(f"{path} holds no JSON file", hint="Name a folder of results.")
    return found


def _key(score: Score) -> tuple[str, str, str]:
    return score.benchmark, score.metric, _text(score.settings)


def _text(settings: Mapping[str, Any]) -> str:
    return json.dumps(settings, sort_keys=True)


def _add(
    home: Home, run_id: int, step: int | None, scores: Mapping[tuple[Any, ...], dict[str, Any]]
) -> int:
    """Add the scores that no file of the same content gave, in one transaction."""
    with Store(home).write("runs") as transaction:
        there = transaction.rows(
            "select benchmark, metric, settings, digest from evaluation "
            "where run_id = $r and step is not distinct from $s",
            r=run_id,
            s=step,
        )
        known = {
            (row["benchmark"], row["metric"], _text(json.loads(row["settings"])), row["digest"])
            for row in there
        }
        fresh = [row for key, row in scores.items() if (*key, row["digest"]) not in known]
        transaction.insert(schema.evaluation, *fresh)
    return len(fresh)
