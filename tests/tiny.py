"""Very small things for tests: random models of several families, and spaces without a model."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import catalog
import ingest
from catalog import Catalog
from catalog.model import EmbeddingSpace, NamedSpace, StoredDtype
from catalog.spaces import add_space
from catalog.store import Store
from catalog.vectors import Embedded, Vectors
from tests.conftest import talk

TEXTS = [
    "What is three times seven? It is twenty-one, and seven times three is the same.",
    "Explain the difference between a list and a tuple in Python.",
    "A lock lets one thread at a time pass; the others wait until it is released.",
    "Write a regular expression that matches a date such as 2024-02-29.",
]
VOCABULARY = 400
SIZES = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
MARKS = ["<s>", "</s>", "<pad>", "<unk>"]

SOURCES = {"a": range(0, 30), "b": range(28, 40), "c": range(39, 42)}
"""Sources by name, with the numbers of their samples: 28, 29 and 39 are in two."""

TASKS = {"one": 4, "two": 1, "three": 3}
"""Tasks by name, with how many queries they have."""

Floats = npt.NDArray[np.float32]


def stock(folder: Path, *, backwards: bool = False) -> Path:
    """Make a home with forty-two samples of three sources and three tasks, and return its path."""
    cat = catalog.init(folder / "home")
    sources = {name: [_sample(number) for number in SOURCES[name]] for name in SOURCES}
    tasks = {
        name: [talk(f"Query {name} {number}?") for number in range(count)]
        for name, count in TASKS.items()
    }
    for name, rows in sorted(sources.items(), reverse=backwards):
        path = folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows[:: -1 if backwards else 1]))
        ingest.load(cat, [path], source=name)
    for name, rows in sorted(tasks.items(), reverse=backwards):
        path = folder / f"{name}.task.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        ingest.add_task(cat, name, path)
    return cat.home.path


def _sample(number: int) -> dict[str, Any]:
    return talk(f"Number {number}?", "x" * (number + 1), id=f"s{number}")


def _tokenizer(special: list[str], form: str | None, *, cut: bool = False, **names: Any) -> Any:
    """A byte-level tokenizer learned on the spot; `form` says where it puts its marks."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    found = Tokenizer(models.BPE())
    found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    found.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=special,
        initial_alphabet=alphabet,
        show_progress=False,
    )
    found.train_from_iterator(TEXTS * 4, trainer)
    if form:
        marks = [(mark, found.token_to_id(mark)) for mark in special if mark in form.split()]
        found.post_processor = processors.TemplateProcessing(single=form, special_tokens=marks)
    if cut:  # as the file of all-MiniLM-L6-v2 has it
        found.enable_truncation(16)
        found.enable_padding(length=16, pad_token=special[0])
    return PreTrainedTokenizerFast(tokenizer_object=found, **names)


def _llama() -> tuple[Any, Any]:
    import transformers as t

    config = t.LlamaConfig(
        vocab_size=VOCABULARY, max_position_embeddings=4096, num_key_value_heads=2, **SIZES
    )
    names = {"bos_token": "<s>", "eos_token": "</s>"}  # and no padding token, as Llama 2
    return t.LlamaForCausalLM(config), _tokenizer(MARKS, "<s> $A", **names)


def _llama_left() -> tuple[Any, Any]:
    import torch
    import transformers as t

    config = t.LlamaConfig(
        vocab_size=VOCABULARY, max_position_embeddings=4096, tie_word_embeddings=True, **SIZES
    )
    names = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
    sides = {"padding_side": "left", "truncation_side": "left"}
    tokenizer = _tokenizer(MARKS, "<s> $A", **names, **sides)
    return t.LlamaForCausalLM(config).to(torch.bfloat16), tokenizer


def _qwen2() -> tuple[Any, Any]:
    import transformers as t

    config = t.Qwen2Config(
        vocab_size=VOCABULARY, max_position_embeddings=4096, num_key_value_heads=2, **SIZES
    )
    end = "<|endoftext|>"
    return t.Qwen2ForCausalLM(config), _tokenizer([end], None, eos_token=end, pad_token=end)


def _gpt2() -> tuple[Any, Any]:
    import transformers as t

    config = t.GPT2Config(
        vocab_size=VOCABULARY,
        n_positions=96,
        n_embd=32,
        n_layer=2,
        n_head=4,
        bos_token_id=0,
        eos_token_id=0,
    )
    end = "<|endoftext|>"
    return t.GPT2LMHeadModel(config), _tokenizer([end], None, bos_token=end, eos_token=end)


def _bert() -> tuple[Any, Any]:
    import transformers as t

    config = t.BertConfig(vocab_size=VOCABULARY, max_position_embeddings=96, **SIZES)
    names = {"cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>"}
    tokenizer = _tokenizer(MARKS, "<s> $A </s>", cut=True, model_max_length=96, **names)
    return t.BertModel(config), tokenizer


def _roberta() -> tuple[Any, Any]:
    import transformers as t

    config = t.RobertaConfig(
        vocab_size=VOCABULARY, max_position_embeddings=99, pad_token_id=2, **SIZES
    )
    names = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
    return t.RobertaForMaskedLM(config), _tokenizer(MARKS, "<s> $A </s>", **names)


def _t5() -> tuple[Any, Any]:
    import transformers as t

    config = t.T5Config(
        vocab_size=VOCABULARY, d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4
    )
    names = {"eos_token": "</s>", "pad_token": "<pad>"}
    return t.T5ForConditionalGeneration(config), _tokenizer(MARKS, "$A </s>", **names)


FAMILIES: dict[str, Callable[[], tuple[Any, Any]]] = {
    "llama": _llama,
    "llama_left": _llama_left,
    "qwen2": _qwen2,
    "gpt2": _gpt2,
    "bert": _bert,
    "roberta": _roberta,
    "t5": _t5,
}
"""Random models: `llama_left` is in bfloat16 and pads and cuts on the left, as some are."""


def _sized(**names: Any) -> dict[str, Any]:
    return {"vocab_size": VOCABULARY, "num_key_value_heads": 2, "head_dim": 8, **SIZES, **names}


def _with_tokenizer(model: Any) -> tuple[Any, Any]:
    names = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
    return model, _tokenizer(MARKS, "<s> $A", **names)


def _gemma2() -> tuple[Any, Any]:
    import transformers as t

    config = t.Gemma2Config(**_sized(final_logit_softcapping=1.0))
    return _with_tokenizer(t.Gemma2ForCausalLM(config))


def _cohere() -> tuple[Any, Any]:
    import transformers as t

    return _with_tokenizer(t.CohereForCausalLM(t.CohereConfig(**_sized(logit_scale=0.25))))


def _granite() -> tuple[Any, Any]:
    import transformers as t

    return _with_tokenizer(t.GraniteForCausalLM(t.GraniteConfig(**_sized(logits_scaling=8.0))))


def _opt() -> tuple[Any, Any]:
    import transformers as t

    config = t.OPTConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        ffn_dim=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        word_embed_proj_dim=16,
        max_position_embeddings=128,
    )
    return _with_tokenizer(t.OPTForCausalLM(config))


def _mixtral() -> tuple[Any, Any]:
    import transformers as t

    return _with_tokenizer(t.MixtralForCausalLM(t.MixtralConfig(**_sized(num_local_experts=4))))


SCALED: dict[str, Callable[[], tuple[Any, Any]]] = {
    "gemma2": _gemma2,
    "cohere": _cohere,
    "granite": _granite,
    "opt": _opt,
    "mixtral": _mixtral,
}
"""Families that do something of their own between the last hidden state and the logits."""


def save_tokenizer(folder: Path) -> None:
    """Save the tokenizer of `llama` beside a model of any vocabulary that is larger."""
    names = {"bos_token": "<s>", "eos_token": "</s>"}
    _tokenizer(MARKS, "<s> $A", **names).save_pretrained(folder)


def save_model(family: str, folder: Path, *, seed: int = 0) -> Path:
    """Make a random model of a family, its weights large enough for texts to differ."""
    import torch
    from transformers import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.manual_seed(seed)
    model, tokenizer = (FAMILIES | SCALED)[family]()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.mul_(6)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def add_vectors(
    cat: Catalog,
    name: str,
    samples: dict[int, Sequence[float]],
    queries: dict[int, Sequence[float]],
    store: StoredDtype = "float32",
) -> NamedSpace:
    """Make a space of given vectors by sample and query id; they are made 1 long."""
    width = len(next(iter(samples.values())))
    space = EmbeddingSpace(
        name, "0", "tulu", "0", "conversation", "mean", "last", 64, "float32", store, width
    )
    with Store(cat.home).write("embed") as transaction:
        named = add_space(transaction, name, space, "nowhere")
    Vectors(cat.home, space, "sample").append(_embedded(samples))
    Vectors(cat.home, space, "query").append(_embedded(queries))
    return named


def _embedded(vectors: dict[int, Sequence[float]]) -> Embedded:
    values: Floats = np.array(list(vectors.values()), np.float32)
    norms: Floats = np.linalg.norm(values, axis=1).astype(np.float32)
    count = len(values)
    return Embedded(
        np.array(list(vectors), np.int64),
        values / norms[:, None],
        norms,
        np.full(count, 7, np.int32),
        np.zeros(count, bool),
    )
