"""Killed at any moment and run again, embedding ends as if it had never been killed."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import catalog
import ingest
from catalog import Catalog
from catalog.spaces import the_space
from catalog.store import Store
from catalog.vectors import Vectors
from ingest import embedding_job, windows
from ingest.encoder import Encoder
from ingest.options import EncoderOptions
from tests.conftest import talk
from tests.test_embedding import held, vectors
from tests.tiny import TEXTS

Models = Callable[[str], Path]

ROWS = [talk(TEXTS[n % 4], f"Answer {n}.") for n in range(60)]
QUERIES = [talk(f"Query {n}?") for n in range(6)]
OPTIONS = {"batch_tokens": 200, "store": "float32"}

SLOWLY = """
import sys, time
import torch
import catalog, ingest
from ingest import windows

torch.set_num_threads(1)
windows.COMMIT_SECONDS = 0.0  # every batch is a commit, so that a kill may fall between any two
windows.WINDOW_SAMPLES = 16
ingest.embed(
    catalog.open(sys.argv[1]),
    "tiny",
    model=sys.argv[2],
    batch_tokens=200,
    store="float32",
    progress=lambda tick: (print(tick.fraction, flush=True), time.sleep(0.02)),
)
"""


@pytest.fixture
def filled(cat: Catalog, write_jsonl: Callable[..., Path]) -> Catalog:
    ingest.load(cat, [write_jsonl("pool.jsonl", ROWS)], source="texts")
    ingest.add_task(cat, "task", write_jsonl("task.jsonl", QUERIES))
    return cat


def check_whole(cat: Catalog, model: Path) -> None:
    """Every id once, in both stores, with the vector that a new encoder gives it."""
    found = held(cat, "tiny")
    assert found.samples == list(range(1, 61))
    assert found.queries == list(range(1, 7))
    assert found.tokens == found.counted
    encoder = Encoder(str(model), EncoderOptions())
    rows = cat.sql("select hash, messages from pool").to_pylist()
    tokens = encoder.tokenize([encoder.render(row["messages"]) for row in rows])
    stored = vectors(cat, "tiny")
    for row, vector in zip(rows, encoder.encode(tokens.ids)[0], strict=True):
        assert np.allclose(stored[row["hash"]], vector, atol=1e-5)


class Stopped(BaseException):
    """A process that ends here, as far as what is on disk can tell."""


@pytest.mark.parametrize(
    ("place", "survives"), [("vectors", 0), ("vectors", 3), ("catalog", 0), ("catalog", 2)]
)
def test_stopped_between_any_two_writes_it_ends_whole(
    filled: Catalog,
    models: Models,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    survives: int,
) -> None:
    monkeypatch.setattr(windows, "COMMIT_SECONDS", 0.0)
    target = Vectors if place == "vectors" else embedding_job.EmbeddingJob
    name = "append" if place == "vectors" else "record"
    through, calls = getattr(target, name), iter(range(survives))

    def stop(*args: object, **options: object) -> None:
        if next(calls, None) is None:
            raise Stopped
        through(*args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(target, name, stop)
        with pytest.raises(Stopped):
            ingest.embed(filled, "tiny", model=str(models("llama")), **OPTIONS)
    ingest.embed(filled, "tiny", model=str(models("llama")), **OPTIONS)
    check_whole(filled, models("llama"))
    [job] = [job for job in filled.jobs() if job["kind"] == "embed"]
    assert job["status"] == "finished"


def test_killed_at_random_moments_it_ends_whole(filled: Catalog, models: Models) -> None:
    chance = random.Random(time.time_ns())
    command = [sys.executable, "-c", SLOWLY, str(filled.home.path), str(models("llama"))]
    for _ in range(2):
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            assert process.stdout
            process.stdout.readline()
            time.sleep(chance.uniform(0, 0.5))
            process.send_signal(signal.SIGKILL)
        with Store(filled.home).read() as reader:
            space = the_space(reader, "tiny")
        assert len(Vectors(filled.home, space.space, "sample").facts()) < 60
    [job] = [job for job in filled.jobs() if job["kind"] == "embed"]
    assert job["status"] == "interrupted"
    report = ingest.embed(catalog.open(filled.home.path), "tiny")
    assert 0 < report.samples <= 60
    check_whole(filled, models("llama"))
    [job] = [job for job in filled.jobs() if job["kind"] == "embed"]
    assert job["status"] == "finished"
