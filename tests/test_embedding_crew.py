"""Several devices: a process each, and together they do what one does alone."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import catalog
import ingest
from catalog import Catalog
from catalog.errors import InvalidInput, ModelError
from ingest import crew, windows
from ingest.options import EncoderOptions
from tests.conftest import talk
from tests.test_embedding import held, vectors
from tests.tiny import TEXTS

Models = Callable[[str], Path]

ROWS = [talk(TEXTS[n % 4], f"Answer {n}.") for n in range(60)]
SILENT = [{"messages": [{"role": "assistant", "content": f"Only {n}."}]} for n in range(20)]
QUERIES = [talk(f"Query {n}?") for n in range(6)]


@pytest.fixture
def filled(
    cat: Catalog, write_jsonl: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> Catalog:
    """Sixty samples with a prompt, and before them twenty without."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(windows, "WINDOW_SAMPLES", 6)
    ingest.load(cat, [write_jsonl("silent.jsonl", SILENT)], source="silent")
    ingest.load(cat, [write_jsonl("pool.jsonl", ROWS)], source="texts")
    ingest.add_task(cat, "task", write_jsonl("task.jsonl", QUERIES))
    return cat


def test_two_processes_give_the_vectors_and_scores_that_one_gives(
    filled: Catalog, models: Models
) -> None:
    options = {"model": str(models("llama")), "text": "prompt", "store": "float32"}
    # Whole windows hold nothing to compute, so that a process may have nothing to tell but that.
    shared = ingest.embed(filled, "shared", device="cpu,cpu", nll=True, **options)
    assert (shared.samples, shared.queries, shared.empty) == (60, 6, 20)
    found = held(filled, "shared")
    assert found.samples == list(range(21, 81))
    assert found.tokens == found.counted
    again = ingest.embed(filled, "shared", device="cpu", nll=True)
    assert (again.samples, again.scored) == (0, {})
    nlls = filled.sql("select count(*) as n from score where scorer = 'nll'").to_pylist()
    assert nlls == [{"n": 60}]
    ingest.embed(filled, "alone", pooling="mean", **options)  # another space, to compare tokens
    assert held(filled, "alone").tokens == found.tokens


def test_vectors_do_not_depend_on_who_computes_them(filled: Catalog, models: Models) -> None:
    model = str(models("llama"))
    ingest.embed(filled, "tiny", model=model, device="cpu,cpu", store="float32")
    other = catalog.init(filled.home.path.parent / "other")
    for name in ("silent", "pool"):
        ingest.load(other, [filled.home.path.parent / f"{name}.jsonl"], source=name)
    ingest.embed(other, "tiny", model=model, store="float32")
    shared, alone = vectors(filled, "tiny"), vectors(other, "tiny")
    assert shared.keys() == alone.keys()
    assert all(np.allclose(shared[mark], alone[mark], atol=1e-5) for mark in alone)


def test_a_model_that_no_process_can_load_is_refused_as_by_one(
    filled: Catalog, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=r"holds no config\.json") as caught:
        ingest.embed(filled, "tiny", model=str(tmp_path), device="cpu,cpu")
    assert caught.value.hint
    assert filled.jobs()[0]["kind"] != "embed"


def test_a_process_that_is_killed_fails_the_job_and_the_next_one_ends_it(
    filled: Catalog, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    through = crew._start

    def keep(device: str, devices: int) -> "subprocess.Popen[bytes]":
        started.append(through(device, devices))
        return started[-1]

    monkeypatch.setattr(crew, "_start", keep)
    options = {"model": str(models("llama")), "device": "cpu,cpu", "batch_tokens": 60}
    with pytest.raises(ModelError, match=r"process \d+, which ran the model, ended with code -9"):
        ingest.embed(filled, "tiny", progress=lambda tick: started[0].kill(), **options)
    assert all(process.poll() is not None for process in started)
    assert ingest.embed(filled, "tiny", **options).samples > 0
    assert held(filled, "tiny").samples == list(range(1, 81))


@pytest.mark.parametrize("device", ["", "cpu,", "gpu", "cuda:x", "cpu;cpu"])
def test_a_device_that_is_none_is_refused(device: str) -> None:
    with pytest.raises(InvalidInput, match="device is"):
        EncoderOptions(device=device).check()
