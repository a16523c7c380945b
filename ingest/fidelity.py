"""How near vectors of a lower precision are to those of float32, on a few samples of the pool."""

from dataclasses import replace

import numpy as np

from catalog.home import Home
from catalog.sql import load
from catalog.store import Store
from ingest.encoder import Encoder
from ingest.options import EncoderOptions

LEAST_COSINE = 0.9999
"""Below it, orders begin to differ in more than near ties."""

SAMPLES, TOKENS = 8, 128
MOST_WEIGHTS = 500_000_000
"""Of a larger model, a second copy in float32 would cost more than it tells."""


def fidelity(home: Home, encoder: Encoder, model: str, options: EncoderOptions) -> float | None:
    """Return the smallest cosine between vectors of an encoder and those of float32.

    Args:
        home: its first samples are compared, cut short.
        encoder: of the space.
        model: as for `Encoder`.
        options: that the encoder was made with.

    Returns:
        None if the encoder is exact, the pool empty, or the model too large to load twice.
    """
    if encoder.space.compute_dtype == "float32" or encoder.weights > MOST_WEIGHTS:
        return None
    with Store(home).read() as reader:
        rows = reader.rows(load("embed/first"), size=SAMPLES)
    exact = Encoder(model, replace(options, dtype="float32"))
    texts = [exact.render(row["messages"]) for row in rows]
    limit = min(TOKENS, encoder.space.max_tokens)
    ids = [some for some in exact.tokenize_plain(texts, limit=limit).ids if some]
    if not ids:
        return None
    ours, theirs = encoder.encode(ids)[0], exact.encode(ids)[0]
    return float(np.einsum("ij,ij->i", ours, theirs).min())
