"""Killed at any moment and run again, scoring ends as if it had never been killed."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import catalog
import ingest
from catalog import Catalog
from catalog.vectors import Vectors
from ingest import embedding_job, windows
from ingest.scores.columns import Column
from tests.conftest import talk
from tests.tiny import TEXTS

Models = Callable[[str], Path]

ROWS = [talk(TEXTS[n % 4], f"Answer {n}.") for n in range(60)]

SLOWLY = """
import sys, time
import torch
import catalog, ingest
from ingest import windows
from ingest.scores import job

torch.set_num_threads(1)
windows.COMMIT_SECONDS = 0.0  # every group is a commit, so that a kill may fall between any two
windows.WINDOW_SAMPLES = 16
job.GROUP_BATCHES = 1
slowly = lambda tick: (print(tick.fraction, flush=True), time.sleep(0.02))
cat = catalog.open(sys.argv[1])
if sys.argv[3] == "embed":
    ingest.embed(cat, "tiny", model=sys.argv[2], nll=True, batch_tokens=200, progress=slowly)
else:
    ingest.score(cat, sys.argv[3], model=sys.argv[2], batch_tokens=200, progress=slowly)
"""


@pytest.fixture
def filled(cat: Catalog, write_jsonl: Callable[..., Path]) -> Catalog:
    ingest.load(cat, [write_jsonl("pool.jsonl", ROWS)], source="texts")
    return cat


@pytest.fixture(scope="module")
def expected(
    models: Models, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, float]]:
    """What a home holds that nobody killed."""
    folder = tmp_path_factory.mktemp("whole")
    whole = catalog.init(folder / "home")
    path = folder / "pool.jsonl"
    import json

    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    ingest.load(whole, [path], source="texts")
    ingest.score(whole, "ifd", model=str(models("llama")))
    return held(whole)


def held(cat: Catalog) -> dict[str, dict[str, float]]:
    """Scores by scorer and content hash; none twice."""
    rows = cat.sql("select scorer, hash, value from score where scorer != 'tokens'").to_pylist()
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        assert row["hash"] not in found.setdefault(row["scorer"], {})
        found[row["scorer"]][row["hash"]] = row["value"]
    return found


def check_whole(cat: Catalog, expected: dict[str, dict[str, float]], *names: str) -> None:
    found = held(cat)
    assert found.keys() == set(names)
    for name in names:
        assert found[name].keys() == expected[name].keys()
        for mark, value in found[name].items():
            assert value == pytest.approx(expected[name][mark], rel=1e-5)
    assert all(job["status"] == "finished" for job in cat.jobs())


class Stopped(BaseException):
    """A process that ends here, as far as what is on disk can tell."""


@pytest.mark.parametrize(
    ("target", "name", "survives"),
    [
        (Vectors, "append", 1),
        (embedding_job.EmbeddingJob, "record", 0),
        (embedding_job.EmbeddingJob, "record", 2),
        (Column, "keep", 0),
        (Column, "keep", 3),
    ],
)
def test_stopped_between_any_two_writes_embedding_ends_with_every_score(
    filled: Catalog,
    models: Models,
    monkeypatch: pytest.MonkeyPatch,
    expected: dict[str, dict[str, float]],
    target: type,
    name: str,
    survives: int,
) -> None:
    monkeypatch.setattr(windows, "COMMIT_SECONDS", 0.0)
    options: dict[str, Any] = {"model": str(models("llama")), "batch_tokens": 400, "nll": True}
    through, calls = getattr(target, name), iter(range(survives))

    def stop(*args: object, **options: object) -> object:
        if next(calls, None) is None:
            raise Stopped
        return through(*args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(target, name, stop)
        with pytest.raises(Stopped):
            ingest.embed(filled, "tiny", **options)
    ingest.embed(filled, "tiny", **options)
    check_whole(filled, expected, "nll", "answer_nll")
    tokens = filled.sql("select count(*) as n from score where scorer = 'tokens'").to_pylist()
    assert tokens == [{"n": 60}]


@pytest.mark.parametrize(
    ("verb", "names"),
    [
        ("embed", ("nll", "answer_nll")),
        ("ifd", ("nll", "answer_nll", "ifd", "ifd_conditioned", "ifd_alone")),
    ],
)
def test_killed_at_random_moments_it_ends_whole(
    filled: Catalog,
    models: Models,
    expected: dict[str, dict[str, float]],
    verb: str,
    names: tuple[str, ...],
) -> None:
    chance = random.Random(time.time_ns())
    command = [sys.executable, "-c", SLOWLY, str(filled.home.path), str(models("llama")), verb]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout
        for _ in range(chance.randrange(1, 9)):
            process.stdout.readline()
        time.sleep(chance.uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
    assert len(held(filled).get(names[-1], {})) < 60
    [job] = [job for job in filled.jobs() if job["kind"] != "ingest"]
    assert job["status"] == "interrupted"
    if verb == "embed":
        ingest.embed(filled, "tiny", nll=True)
    else:
        ingest.score(filled, "ifd", model=str(models("llama")))
    check_whole(filled, expected, *names)
