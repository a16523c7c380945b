"""How an embed job keeps the model busy, and what it holds meanwhile."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import ingest
from catalog import Catalog
from catalog.cli import cli
from catalog.errors import InvalidInput
from catalog.spaces import the_space
from catalog.store import Store
from catalog.vectors import Embedded, Vectors
from ingest import embedding_job, fidelity
from ingest.device import Device
from ingest.embedding_job import Marks
from ingest.encoder import Encoder
from ingest.options import EncoderOptions
from ingest.windows import behind
from tests.conftest import talk
from tests.test_embedding import held
from tests.tiny import TEXTS, add_vectors

Models = Callable[[str], Path]
ROWS = [talk(TEXTS[n % 4], f"Answer {n}.") for n in range(12)]


@pytest.fixture
def filled(cat: Catalog, write_jsonl: Callable[..., Path]) -> Catalog:
    ingest.load(cat, [write_jsonl("pool.jsonl", ROWS)], source="texts")
    return cat


def test_each_call_is_made_when_the_next_one_is_begun() -> None:
    told: list[str] = []

    def begun() -> Iterator[Callable[[], int]]:
        for number in range(3):
            told.append(f"begin {number}")
            yield lambda number=number: told.append(f"end {number}") or number

    assert list(behind(begun())) == [0, 1, 2]
    assert told == ["begin 0", "begin 1", "end 0", "begin 2", "end 1", "end 2"]


def test_marks_grow_with_the_ids_and_can_be_taken_away() -> None:
    marks = Marks()
    for ids in ([2, 5], [], [9]):
        marks.put(np.array(ids, np.int64))
    marks.put(np.array([5, 11]), False)
    assert np.flatnonzero(marks.flags).tolist() == [2, 9]


@pytest.mark.parametrize(
    ("family", "alone"),
    [("llama", True), ("qwen2", True), ("gpt2", True), ("bert", False), ("t5", False)],
)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_padding_is_masked_where_a_model_would_see_it(
    models: Models, family: str, alone: bool, dtype: Any
) -> None:
    encoder = Encoder(str(models(family)), EncoderOptions(max_tokens=64, dtype=dtype))
    assert encoder._unmasked is alone


def test_bfloat16_rounds_products_and_nothing_else(models: Models) -> None:
    encoder = Encoder(str(models("llama")), EncoderOptions(max_tokens=64, dtype="bfloat16"))
    kinds = {name: str(weight.dtype) for name, weight in encoder._model.named_parameters()}
    assert kinds["norm.weight"] == kinds["embed_tokens.weight"] == "torch.float32"
    assert kinds["layers.0.mlp.up_proj.weight"] == "torch.bfloat16"
    assert str(encoder.states([[5, 6, 7]]).hidden.dtype) == "torch.float32"


def test_a_new_space_of_lower_precision_tells_how_near_it_is(
    filled: Catalog, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--model", str(models("llama")), "--dtype", "bfloat16", "--device", "cpu"]
    command = ["--home", str(filled.home.path), "embed", "--space", "half", *options]
    told = CliRunner().invoke(cli, command)
    assert told.exit_code == 0
    assert "bfloat16 and float32 agree to a cosine of 0.99" in told.stdout
    monkeypatch.setattr(fidelity, "LEAST_COSINE", 1.1)
    again = CliRunner().invoke(
        cli, [*command[:2], "embed", "--space", "other", *options, "--text", "prompt"]
    )
    assert "warning: that is less than 1.1" in again.stderr
    known = ingest.embed(filled, "half", text="conversation")
    exact = ingest.embed(filled, "exact", model=str(models("llama")))
    assert known.cosine is exact.cosine is None


def test_much_is_stored_before_the_time_for_it_has_come(
    filled: Catalog, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding_job, "COMMIT_BYTES", 1)
    ingest.embed(filled, "tiny", model=str(models("llama")), batch_tokens=1)
    assert held(filled, "tiny").samples == list(range(1, 13))
    commits = "select count(*) as n from change where kind = 'embed'"
    assert filled.sql(commits).to_pylist()[0]["n"] == 12 + 3  # begun, the space made, finished


def test_vectors_known_to_be_new_are_not_looked_for(filled: Catalog) -> None:
    add_vectors(filled, "made", {1: [1.0, 0.0]}, {1: [1.0, 0.0]})
    with Store(filled.home).read() as reader:
        vectors = Vectors(filled.home, the_space(reader, "made").space, "sample")
    given = Embedded(
        np.array([2, 3]),
        np.eye(2, dtype=np.float32),
        np.ones(2, np.float32),
        np.full(2, 7, np.int32),
        np.zeros(2, bool),
    )
    vectors.append(given, new=True)
    assert vectors.count() == 3
    assert sorted(np.concatenate(list(vectors.ids())).tolist()) == [1, 2, 3]
    vectors.append(given)
    assert vectors.count() == 3


def test_one_device_is_one_device() -> None:
    with pytest.raises(InvalidInput, match="several devices, one is wanted"):
        Device("cpu,cpu")
