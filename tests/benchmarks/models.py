"""Random models of the shapes in use, to measure with."""

from pathlib import Path
from typing import Any


def llama(vocabulary: int, width: int, layers: int, heads: int, inner: int) -> Any:
    """Return the settings of a Llama-shaped model."""
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
    )


def write_llama(folder: Path, config: Any, dtype: str = "float32") -> Path:
    """Write a random model with a small tokenizer, and return its folder."""
    import torch
    from transformers import LlamaForCausalLM, logging

    from tests.tiny import save_tokenizer

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.manual_seed(0)
    LlamaForCausalLM(config).to(getattr(torch, dtype)).save_pretrained(folder)
    save_tokenizer(folder)
    return folder
