"""Random models of families that know positions each in its own way."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests import tiny
from tests.tiny import MARKS, SIZES, VOCABULARY, save_model

GROUPED = {"num_key_value_heads": 2, "max_position_embeddings": 2048, **SIZES}


def _configs() -> dict[str, Callable[[], Any]]:
    import transformers as t

    vocabulary = {"vocab_size": VOCABULARY, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}
    heads = {**vocabulary, "hidden_size": 32, "num_attention_heads": 4}
    return {
        # A place for each position, looked up by the attention mask.
        "opt": lambda: t.OPTConfig(
            num_hidden_layers=2,
            ffn_dim=48,
            word_embed_proj_dim=32,
            max_position_embeddings=256,
            **heads,
        ),
        # ALiBi: a penalty by distance.
        "bloom": lambda: t.BloomConfig(
            vocab_size=VOCABULARY, hidden_size=32, n_layer=2, n_head=4, bos_token_id=0
        ),
        # Rotary on a quarter of each head.
        "gpt_neox": lambda: t.GPTNeoXConfig(max_position_embeddings=2048, **vocabulary, **SIZES),
        # Rotary, and nothing further back than sixteen tokens.
        "mistral": lambda: t.MistralConfig(sliding_window=16, **vocabulary, **GROUPED),
        # Both in turn, with scaled embeddings and soft caps.
        "gemma2": lambda: t.Gemma2Config(sliding_window=16, head_dim=8, **vocabulary, **GROUPED),
        # No attention: what was read is a state.
        "mamba": lambda: t.MambaConfig(
            vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=2, state_size=4
        ),
    }


STRANGERS = ("opt", "bloom", "gpt_neox", "mistral", "gemma2", "mamba")
WITHOUT_BEGIN = ("bloom", "gpt_neox")
"""Families whose tokenizers put nothing before a text."""


def save_stranger(family: str, folder: Path, *, seed: int = 0) -> Path:
    """Make a random model of one of these families."""

    def build() -> tuple[Any, Any]:
        from transformers import AutoModelForCausalLM

        names = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
        form = None if family in WITHOUT_BEGIN else "<s> $A"
        model = AutoModelForCausalLM.from_config(_configs()[family]())
        return model, tiny._tokenizer(MARKS, form, **names)

    with patch.dict(tiny.FAMILIES, {family: build}):
        return save_model(family, folder, seed=seed)
