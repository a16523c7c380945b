"""One encoder for every family: the same vector alone or in any batch, special tokens as they are.

Every vector is compared with a plain forward pass of the same text alone, pooled in float64.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from catalog.errors import InvalidInput, ModelError
from catalog.model import Pooling
from ingest.encoder import Encoder
from ingest.options import EncoderOptions
from tests.conftest import talk
from tests.tiny import FAMILIES, TEXTS

Models = Callable[[str], Path]

CONVERSATIONS = [
    talk(TEXTS[number % 4] * (number % 3) + f" {number}?", TEXTS[number % 3])["messages"]
    for number in range(9)
]
LONG = [talk("word " * 900, "end")["messages"]]


def load(models: Models, family: str, **options: Any) -> Encoder:
    return Encoder(str(models(family)), EncoderOptions(**{"max_tokens": 64, **options}))


@cache
def plain_model(folder: Path) -> Any:
    from transformers import AutoModel

    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    return model.get_encoder() if model.config.is_encoder_decoder else model


def alone(folder: Path, ids: Sequence[int], pooling: Pooling) -> np.ndarray:
    """Encode one text the plain way: no padding, no batch, sums in float64."""
    with torch.inference_mode():
        states = plain_model(folder)(torch.tensor([ids])).last_hidden_state[0].double().numpy()
    weights = {
        "weighted_mean": np.arange(1, len(ids) + 1),
        "mean": np.ones(len(ids)),
        "last_token": np.eye(len(ids))[-1],
    }[pooling]
    pooled: np.ndarray = (weights / weights.sum()) @ states
    return pooled / np.linalg.norm(pooled)


@pytest.mark.parametrize(
    ("family", "pooling"),
    [(family, "weighted_mean") for family in FAMILIES]
    + [("llama", "mean"), ("llama", "last_token"), ("bert", "mean")],
)
def test_a_batch_gives_the_vectors_that_texts_have_alone(
    models: Models, family: str, pooling: Pooling
) -> None:
    encoder = load(models, family, pooling=pooling)
    tokens = encoder.tokenize([encoder.render(messages) for messages in CONVERSATIONS])
    together, norms = encoder.encode(tokens.ids)
    assert together.dtype == norms.dtype == np.float32
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)
    assert (norms > 0).all()
    for ids, vector in zip(tokens.ids, together, strict=True):
        assert alone(models(family), ids, pooling) @ vector == pytest.approx(1, abs=1e-6)
    for start in range(0, len(tokens.ids), 2):
        apart, _ = encoder.encode(tokens.ids[start : start + 2])
        assert np.allclose(apart, together[start : start + 2], atol=1e-5)


@pytest.mark.parametrize(
    ("family", "marks"),
    [
        ("llama", (1, 1)),
        ("llama_left", (1, 1)),
        ("qwen2", (0, 1)),
        ("gpt2", (0, 1)),
        ("bert", (1, 1)),  # its [SEP] ends the text: it has no end-of-text token
        ("roberta", (1, 2)),
        ("t5", (0, 2)),
    ],
)
def test_marks_come_as_the_tokenizer_has_them(
    models: Models, family: str, marks: tuple[int, int]
) -> None:
    encoder = load(models, family, max_tokens=2048)
    tokenizer = encoder._tokenizer
    [ids] = encoder.tokenize([encoder.render(talk("1+1?", "2")["messages"])]).ids
    begin = tokenizer.bos_token_id if tokenizer.bos_token else tokenizer.cls_token_id
    end = tokenizer.eos_token_id if tokenizer.eos_token else tokenizer.sep_token_id
    ends = ids.count(end)
    if begin == end:  # GPT-2 has one token for both, and adds none by itself
        begin = None
    assert (ids.count(begin), ends) == marks
    assert ids[-1] == end
    assert begin is None or not marks[0] or ids[0] == begin


def test_a_long_text_equals_its_prefix(models: Models) -> None:
    encoder = load(models, "llama", max_tokens=200)
    [whole] = [encoder.render(messages) for messages in LONG]
    tokens = encoder.tokenize([whole])
    assert tokens.lengths[0] > 900
    every = encoder._tokenizer(whole)["input_ids"]
    assert tokens.ids[0] == every[:200]
    vectors, _ = encoder.encode(tokens.ids)
    prefix, _ = encoder.encode([every[:200]])
    assert np.array_equal(vectors, prefix)


@pytest.mark.parametrize("family", ["bert", "roberta", "t5"])
def test_a_cut_text_keeps_the_mark_that_must_end_it(models: Models, family: str) -> None:
    encoder = load(models, family, max_tokens=20)
    [ids] = encoder.tokenize([encoder.render(LONG[0])]).ids
    assert len(ids) == 20
    assert encoder._tokenizer.convert_ids_to_tokens(ids[-1]) == "</s>"


@pytest.mark.parametrize(("family", "limit"), [("gpt2", 96), ("bert", 96), ("roberta", 96)])
def test_a_model_is_never_given_more_tokens_than_it_has_places(
    models: Models, family: str, limit: int
) -> None:
    encoder = load(models, family, max_tokens=2048)
    assert encoder.limit == encoder.space.max_tokens == limit
    tokens = encoder.tokenize([encoder.render(LONG[0]), "short"])
    assert len(tokens.ids[0]) == limit
    assert tokens.lengths[0] > 900
    encoder.encode(tokens.ids)


def test_what_the_tokenizers_file_says_of_length_is_not_heeded(models: Models) -> None:
    encoder = load(models, "bert")  # its file cuts and pads to 16
    tokens = encoder.tokenize(["a b", TEXTS[0]])
    assert len(tokens.ids[0]) < 16 < len(tokens.ids[1])
    assert tokens.lengths == [len(ids) for ids in tokens.ids]


def test_texts_are_cut_on_the_right_whatever_the_tokenizer_prefers(models: Models) -> None:
    encoder = load(models, "llama_left", max_tokens=10)
    [ids] = encoder.tokenize([TEXTS[0]]).ids
    assert ids == encoder._tokenizer(TEXTS[0])["input_ids"][:10]


def test_an_empty_text_has_no_tokens_not_even_marks(models: Models) -> None:
    encoder = load(models, "llama", text="response")
    texts = [encoder.render(talk("1+1?")["messages"][:1]), encoder.render(CONVERSATIONS[0])]
    assert texts[0] == ""
    tokens = encoder.tokenize(texts)
    assert (tokens.ids[0], tokens.lengths[0]) == ([], 0)
    assert tokens.lengths[1] > 0
    assert encoder.tokenize(["", ""]).ids == [[], []]
    assert encoder.tokenize([]).ids == []


def test_scaling_all_states_changes_no_vector(models: Models, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(models("llama"), tmp_path / "model")
    weights = load_file(tmp_path / "model" / "model.safetensors")
    weights["model.norm.weight"] *= 7
    save_file(weights, tmp_path / "model" / "model.safetensors", metadata={"format": "pt"})
    plain = load(models, "llama")
    scaled = Encoder(str(tmp_path / "model"), EncoderOptions(max_tokens=64))
    ids = plain.tokenize([plain.render(messages) for messages in CONVERSATIONS]).ids
    (vectors, norms), (same, longer) = plain.encode(ids), scaled.encode(ids)
    assert np.allclose(vectors, same, atol=1e-6)
    assert np.allclose(longer, 7 * norms, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_stays_near_float32(models: Models, dtype: Any) -> None:
    exact, half = load(models, "llama"), load(models, "llama", dtype=dtype)
    assert (exact.space.compute_dtype, half.space.compute_dtype) == ("float32", dtype)
    ids = exact.tokenize([exact.render(messages) for messages in CONVERSATIONS]).ids
    cosines = np.sum(exact.encode(ids)[0] * half.encode(ids)[0], axis=1)
    assert cosines.min() > 0.98


def test_the_contract_tells_the_model_by_its_files(models: Models, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(models("llama"), moved)
    here, there = load(models, "llama").space, Encoder(str(moved), EncoderOptions()).space
    assert here.model_revision == there.model_revision
    settings = json.loads((moved / "tokenizer_config.json").read_text())
    (moved / "tokenizer_config.json").write_text(json.dumps({**settings, "extra": 1}))
    assert Encoder(str(moved), EncoderOptions()).space.model_revision != here.model_revision


def test_the_models_own_template_writes_its_own_marks(models: Models, tmp_path: Path) -> None:
    folder = tmp_path / "chatty"
    shutil.copytree(models("llama"), folder)
    (folder / "chat_template.jinja").write_text(
        "{{ bos_token }}{% for m in messages %}"
        "{% if m.role == 'system' %}{{ raise_exception('no system turns') }}{% endif %}"
        "[{{ m.role }}] {{ m.content }}{{ eos_token }}{% endfor %}"
    )
    encoder = Encoder(str(folder), EncoderOptions(template="model"))
    text = encoder.render(talk("1+1?", "2")["messages"])
    assert text == "<s>[user] 1+1?</s>[assistant] 2</s>"
    [ids] = encoder.tokenize([text]).ids
    assert (ids.count(0), ids.count(1)) == (1, 2)
    with pytest.raises(ModelError, match="refuses a conversation of system: no system turns"):
        encoder.render([{"role": "system", "content": "x"}])
    assert encoder.space.template_hash != load(models, "llama").space.template_hash


def test_a_model_without_a_chat_template_says_so(models: Models) -> None:
    with pytest.raises(ModelError, match="llama has no chat template of its own"):
        load(models, "llama", template="model")


def test_a_padding_token_beyond_the_models_vocabulary_does_no_harm(
    models: Models, tmp_path: Path
) -> None:
    from transformers import AutoTokenizer

    folder = tmp_path / "padded"
    shutil.copytree(models("llama"), folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens([f"[{number}]" for number in range(len(tokenizer), 400)])
    tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    tokenizer.save_pretrained(folder)
    encoder = Encoder(str(folder), EncoderOptions())
    assert encoder.encode(encoder.tokenize(["a", TEXTS[0]]).ids)[0].shape == (2, 32)
    with pytest.raises(ModelError, match="gives token 400, the model knows 400"):
        encoder.encode(encoder.tokenize(["so [PAD] so"]).ids)


def test_broken_models_are_refused_with_a_reason(models: Models, tmp_path: Path) -> None:
    def broken(name: str, change: Callable[[Path], object]) -> str:
        shutil.copytree(models("llama"), tmp_path / name)
        change(tmp_path / name)
        return str(tmp_path / name)

    def rewrite(folder: Path, **settings: Any) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | settings))

    weights = "model.safetensors"
    for model, reason in [
        (broken("weightless", lambda f: (f / weights).unlink()), "no file named model.safetensors"),
        (broken("damaged", lambda f: (f / weights).write_bytes(b"x" * 99)), "cannot load"),
        (broken("cut", lambda f: (f / weights).write_bytes(b"")), "cannot load"),
        (broken("no-json", lambda f: (f / "config.json").write_text("{")), "cannot load"),
        (broken("deeper", lambda f: rewrite(f, num_hidden_layers=3)), "lacks 9 weights"),
        (broken("wider", lambda f: rewrite(f, hidden_size=64)), "cannot load"),
        (broken("stranger", lambda f: rewrite(f, model_type="nothing")), "cannot load"),
        (str(tmp_path), "holds no config.json"),
        (str(tmp_path / "nowhere"), "there is no folder"),
        (str(models("llama") / weights), "there is no folder"),
        ("./llama", "there is no folder"),
        ("no name of a hub", "cannot load"),
    ]:
        with pytest.raises(ModelError, match=reason) as caught:
            Encoder(model, EncoderOptions())
        assert caught.value.hint


def test_a_model_that_wants_more_than_text_is_refused(tmp_path: Path, models: Models) -> None:
    import transformers as t

    sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1}
    sizes["num_attention_heads"] = 2
    picture = {"image_size": 32, "patch_size": 16, **sizes}
    config = t.CLIPConfig(text_config=dict(sizes), vision_config=picture)
    t.CLIPModel(config).save_pretrained(tmp_path)
    t.AutoTokenizer.from_pretrained(models("llama")).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="gives no hidden states for a text"):
        Encoder(str(tmp_path), EncoderOptions())


@pytest.mark.parametrize(
    "options",
    [
        {"pooling": "max"},
        {"template": "chatml"},
        {"text": "answer"},
        {"dtype": "int8"},
        {"store": "int8"},
        {"device": "tpu"},
        {"max_tokens": 0},
    ],
)
def test_an_option_outside_its_choices_is_refused(options: dict[str, Any]) -> None:
    [name] = options
    with pytest.raises(InvalidInput, match=name):
        Encoder("minilm", EncoderOptions(**options))


def test_a_limit_that_leaves_no_room_for_text_is_refused(models: Models) -> None:
    with pytest.raises(InvalidInput, match="max_tokens is 2, and the tokenizer's own marks take 2"):
        load(models, "bert", max_tokens=2)


@pytest.mark.parametrize("factor", [torch.inf, 3e38, 0.0])
def test_a_vector_without_a_direction_is_refused_not_stored(
    models: Models, tmp_path: Path, factor: float
) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(models("llama"), tmp_path / "model")
    path = tmp_path / "model" / "model.safetensors"
    weights = load_file(path)
    weights["model.norm.weight"] *= factor
    save_file(weights, path, metadata={"format": "pt"})
    encoder = Encoder(str(tmp_path / "model"), EncoderOptions())
    with pytest.raises(ModelError, match="not finite or is zero"):
        encoder.encode([[5, 6, 7]])


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_asking_for_a_gpu_where_there_is_none_says_so() -> None:
    with pytest.raises(InvalidInput, match="no CUDA device"):
        Encoder("minilm", EncoderOptions(device="cuda"))
