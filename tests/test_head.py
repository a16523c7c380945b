"""What every token cost: the model's own loss, in pieces, whatever a family does to its logits."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from catalog.errors import ModelError
from ingest import head
from ingest.encoder import Encoder
from ingest.options import EncoderOptions
from tests.tiny import TEXTS

Models = Callable[[str], Path]

CAUSAL = ["llama", "qwen2", "gpt2", "gemma2", "cohere", "granite", "opt", "mixtral"]
MIXED = [TEXTS[0], "Yes.", TEXTS[1] + " " + TEXTS[2], "Ünïcödé 🎉 漢字", TEXTS[3]]


def load(models: Models, family: str, **options: Any) -> Encoder:
    chosen = {"max_tokens": 90, "device": "cpu", **options}
    return Encoder(str(models(family)), EncoderOptions(**chosen), head=True)


def costs(encoder: Encoder, ids: list[list[int]]) -> list[np.ndarray]:
    """What every token of each text cost but the first."""
    found = encoder.nlls(encoder.states(ids))
    return [row[1 : len(text)] for row, text in zip(found, ids, strict=True)]


@pytest.mark.parametrize("family", CAUSAL)
def test_the_mean_is_the_loss_that_the_model_itself_gives(models: Models, family: str) -> None:
    from transformers import AutoModelForCausalLM

    encoder = load(models, family)
    ids = encoder.tokenize(MIXED).ids
    whole = AutoModelForCausalLM.from_pretrained(models(family), dtype=torch.float32).eval()
    for found, text in zip(costs(encoder, ids), ids, strict=True):
        given = torch.tensor([text])
        with torch.inference_mode():
            loss = whole(given, labels=given).loss.item()
        assert found.mean() == pytest.approx(loss, rel=2e-6)
        assert found.dtype == np.float32 and len(found) == len(text) - 1


@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma2"])
def test_vectors_of_a_model_with_its_head_are_those_without(models: Models, family: str) -> None:
    bare = Encoder(str(models(family)), EncoderOptions(max_tokens=90))
    whole = load(models, family)
    assert bare.space == whole.space
    ids = bare.tokenize(MIXED).ids
    assert np.array_equal(bare.encode(ids)[0], whole.encode(ids)[0])


def test_neither_batch_nor_order_nor_padding_changes_a_cost(models: Models) -> None:
    for family in ("llama", "llama_left"):
        encoder = load(models, family, dtype="float32")
        ids = encoder.tokenize(MIXED).ids
        together, backwards = costs(encoder, ids), costs(encoder, ids[::-1])[::-1]
        for text, one, other in zip(ids, together, backwards, strict=True):
            assert np.allclose(one, other, atol=1e-5)
            assert np.allclose(one, costs(encoder, [text])[0], atol=1e-5)


def test_a_token_costs_the_same_whatever_follows_it(models: Models) -> None:
    encoder = load(models, "llama")
    [ids] = encoder.tokenize([MIXED[2]]).ids
    [whole], [begun] = costs(encoder, [ids]), costs(encoder, [ids[:9]])
    assert np.allclose(whole[:8], begun, atol=1e-5)


def test_nothing_is_said_of_first_tokens_padding_and_what_is_not_wanted(models: Models) -> None:
    encoder = load(models, "llama")
    states = encoder.states([[5, 6, 7, 8], [5, 6]])
    known = ~np.isnan(encoder.nlls(states))
    assert np.argwhere(known).tolist() == [[0, 1], [0, 2], [0, 3], [1, 1]]
    wanted = [np.array([True, False, True, False]), np.array([True, False])]
    some = encoder.nlls(states, wanted)
    assert np.argwhere(~np.isnan(some)).tolist() == [[0, 2]]
    assert some[0, 2] == pytest.approx(encoder.nlls(states)[0, 2], abs=1e-6)
    one = encoder.nlls(encoder.states([[5]]))
    assert np.isnan(one).all() and len(one) == 1


def test_logits_are_held_a_few_tokens_at_a_time(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = load(models, "llama")
    ids = encoder.tokenize(MIXED).ids
    at_once = costs(encoder, ids)
    monkeypatch.setitem(head.CHUNK_LOGITS, "cpu", 400 * 7)  # seven tokens of this vocabulary
    sizes: list[int] = []
    through = head.Head.logits

    def watched(self: head.Head, states: torch.Tensor) -> torch.Tensor:
        found = through(self, states)
        sizes.append(found.numel())
        return found

    monkeypatch.setattr(head.Head, "logits", watched)
    in_pieces = costs(encoder, ids)
    assert max(sizes) == 400 * 7
    assert sum(sizes) == 400 * sum(len(text) - 1 for text in ids)
    for one, other in zip(at_once, in_pieces, strict=True):
        assert np.allclose(one, other, atol=1e-5)


def test_the_model_is_whole_again_after_its_head_was_used(models: Models) -> None:
    encoder = load(models, "llama")
    before = encoder.encode([[5, 6, 7]])[0]
    costs(encoder, [[5, 6, 7]])
    assert np.array_equal(encoder.encode([[5, 6, 7]])[0], before)


def test_in_half_precision_the_sum_is_taken_in_float32(models: Models) -> None:
    exact, half = load(models, "llama"), load(models, "llama", dtype="bfloat16")
    ids = exact.tokenize(MIXED).ids
    for one, other in zip(costs(exact, ids), costs(half, ids), strict=True):
        assert other.mean() == pytest.approx(one.mean(), rel=0.05)
        assert len(np.unique(other)) > 0.9 * len(other)  # bfloat16 itself would tie


@pytest.mark.parametrize(
    ("family", "reason"),
    [
        ("bert", "no language-model head.*its files lack"),
        ("roberta", "sees the tokens that follow"),
        ("t5", "no language-model head.*t5 models are no plain language models"),
    ],
)
def test_what_is_no_language_model_gives_no_nll(models: Models, family: str, reason: str) -> None:
    with pytest.raises(ModelError, match=reason) as caught:
        load(models, family)
    assert "causal language model" in str(caught.value.hint)


def test_a_checkpoint_without_its_head_is_refused_unless_the_head_is_tied(
    models: Models, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(models("llama"), tmp_path / "model")
    path = tmp_path / "model" / "model.safetensors"
    weights = load_file(path)
    del weights["lm_head.weight"]
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"no language-model head.*lack lm_head\.weight"):
        Encoder(str(tmp_path / "model"), EncoderOptions(), head=True)
    Encoder(str(tmp_path / "model"), EncoderOptions())  # vectors need none
    settings = tmp_path / "model" / "config.json"
    tied = json.loads(settings.read_text()) | {"tie_word_embeddings": True}
    settings.write_text(json.dumps(tied))
    encoder = Encoder(str(tmp_path / "model"), EncoderOptions(), head=True)
    assert np.isfinite(costs(encoder, [[5, 6, 7]])[0]).all()


def test_a_body_that_lacks_weights_is_not_blamed_on_the_head(
    models: Models, tmp_path: Path
) -> None:
    shutil.copytree(models("llama"), tmp_path / "model")
    settings = tmp_path / "model" / "config.json"
    deeper = json.loads(settings.read_text()) | {"num_hidden_layers": 3}
    settings.write_text(json.dumps(deeper))
    with pytest.raises(ModelError, match="lacks 9 weights"):
        Encoder(str(tmp_path / "model"), EncoderOptions(), head=True)


def test_an_nll_that_is_not_finite_is_refused(models: Models, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(models("llama"), tmp_path / "model")
    path = tmp_path / "model" / "model.safetensors"
    weights = load_file(path)
    weights["lm_head.weight"] *= torch.inf
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"not finite|piece by piece"):
        encoder = Encoder(str(tmp_path / "model"), EncoderOptions(), head=True)
        costs(encoder, [[5, 6, 7]])


def test_an_encoder_without_a_head_says_so(models: Models) -> None:
    encoder = Encoder(str(models("llama")), EncoderOptions())
    with pytest.raises(ModelError, match="loaded without its head"):
        encoder.nlls(encoder.states([[5, 6]]))
