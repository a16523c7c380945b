"""What must change no vector: neighbours, batches, the length of a text beyond the cut, precision.

`test_encoder` and `test_embedding` say the same of the commonest families; here are those that know
positions in other ways, and what only long texts show.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import pytest

import catalog
from catalog.spaces import the_space
from catalog.store import Store
from catalog.vectors import Vectors
from ingest.batching import by_tokens
from tests.conftest import talk
from tests.traps.conftest import commands
from tests.traps.families import STRANGERS
from tests.traps.invariants import LONG, NEAR, TALKS, encoder, official, tokens
from tests.traps.material import write_rows

Models = Callable[[str], Path]


@pytest.mark.parametrize("family", [*STRANGERS, "llama", "bert"])
def test_neighbours_in_a_batch_change_no_vector(strangers: Models, family: str) -> None:
    found = encoder(strangers(family), max_tokens=90)
    ids = [*tokens(found, [*TALKS, LONG]), [5], [7, 8]]
    plain = official(strangers(family))
    expected = np.array([plain.pooled(text) for text in ids])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert (expected @ expected.T - np.eye(len(ids))).max() < 1 - 1e-3  # they can be told apart
    order = Random(0).sample(range(len(ids)), len(ids))
    lengths = [len(ids[place]) for place in order]
    for batch_tokens in (1, 60, 200, 10_000):
        for batch in by_tokens(lengths, batch_tokens):
            places = [order[position] for position in batch]
            vectors, _ = found.encode([ids[place] for place in places])
            assert (vectors * expected[places]).sum(axis=1) == pytest.approx(1, abs=NEAR)


def test_a_sample_of_5000_tokens_is_stored_as_its_first_2048(
    strangers: Models, tmp_path: Path
) -> None:
    run = commands(tmp_path / "home")
    run("init")
    longer = talk(LONG[0]["content"] + "And so on? " * 300, "Another end.")
    run("ingest", write_rows(tmp_path / "a.jsonl", [{"messages": LONG}, longer]), "--source", "a")
    exact = ("--dtype", "float32", "--store", "float32")
    report = run("embed", "--space", "rds", "--model", strangers("llama"), *exact)
    assert report["space"]["space"]["max_tokens"] == 2048
    assert report["cut"] == [{"source": "a", "cut": 2, "samples": 2}]
    home = catalog.open(tmp_path / "home").home
    with Store(home).read() as reader:
        stored = Vectors(home, the_space(reader, "rds").space, "sample")
    assert min(row["tokens"] for row in stored.facts().to_pylist()) > 5000
    plain = official(strangers("llama"))
    prefix = plain.pooled(plain.ids(LONG)[:2048])
    first, second = stored.of([1, 2])
    assert first @ prefix / np.linalg.norm(prefix) == pytest.approx(1, abs=NEAR)
    assert np.array_equal(first, second)


def test_large_states_of_a_long_text_stay_finite_in_float16(
    strangers: Models, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(strangers("llama"), tmp_path / "model")
    path = tmp_path / "model" / "model.safetensors"
    weights = load_file(path)
    weights["model.norm.weight"] *= 500  # Σ i · h_i is then some 10^8, and float16 ends at 65504
    save_file(weights, path, metadata={"format": "pt"})
    exact, half = (encoder(tmp_path / "model", dtype=dtype) for dtype in ("float32", "float16"))
    ids = tokens(exact, [LONG])
    (expected, _), (vectors, norms) = exact.encode(ids), half.encode(ids)
    assert norms.dtype == np.float32
    assert norms[0] > 500
    assert vectors[0] @ expected[0] > 0.999
