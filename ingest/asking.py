"""Texts that people type, as queries of a space: embedded by its model, as stored ones are."""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from catalog.errors import InvalidInput
from catalog.model import EmbeddingSpace, NamedSpace
from catalog.spaces import require_same
from catalog.vectors import Floats
from ingest.batching import by_tokens
from ingest.encoder import Encoder
from ingest.options import EncoderOptions

BATCH_TOKENS = 2048
"""Tokens of a batch: what people type is short."""


def encode_queries(named: NamedSpace, texts: Sequence[str]) -> Floats:
    """Return texts as queries of a space, float32 (texts, width), of length 1.

    A text is a user's message, or an answer where the space embeds answers. The model is loaded
    once for all of them.

    Raises:
        ModelError: the space's model cannot be loaded.
        SpaceMismatch: where it was there is another one now.
        InvalidInput: a text is empty.
    """
    if blank := [text for text in texts if not text.strip()]:
        raise InvalidInput(f"the text {blank[0]!r} is empty", hint="Say what to look for.")
    encoder = Encoder(named.location, _options(named.space))
    require_same(named, encoder.space)
    role = "assistant" if named.space.text == "response" else "user"
    rendered = [encoder.render([{"role": role, "content": text}], "query") for text in texts]
    tokens = encoder.tokenize(rendered)
    found = np.empty((len(texts), named.space.width), np.float32)
    for batch in by_tokens([len(ids) for ids in tokens.ids], BATCH_TOKENS):
        found[batch], _ = encoder.encode([tokens.ids[row] for row in batch])
    return found


def _options(space: EmbeddingSpace) -> EncoderOptions:
    """Return how a space's vectors are made; what its contract leaves open stays open."""
    names = {field.name for field in fields(EncoderOptions)} & {f.name for f in fields(space)}
    same = {name: getattr(space, name) for name in names}
    return EncoderOptions(**same, dtype=space.compute_dtype, store=space.stored_dtype)
