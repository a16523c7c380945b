"""Texts that people type, as queries of a space: embedded by its model, as stored ones are."""

from collections.abc import Sequence
from dataclasses import fields
from functools import lru_cache
from pathlib import Path

import numpy as np

from catalog.errors import InvalidInput
from catalog.model import EmbeddingSpace, NamedSpace
from catalog.spaces import require_same
from catalog.vectors import Floats, Kind
from ingest.batching import by_tokens
from ingest.encoder import Encoder
from ingest.options import EncoderOptions
from ingest.template import Message

_State = tuple[tuple[str, int, int], ...]

BATCH_TOKENS = 2048
"""Tokens of a batch: what people type is short."""


def encode_queries(named: NamedSpace, texts: Sequence[str]) -> tuple[Floats, Floats]:
    """Return texts as queries of a space that a model makes.

    A text is a user's message, or an answer where the space embeds answers. The model is loaded
    once for all of them.

    Returns:
        float32 (texts, width), of length 1, and their lengths before that, float32 (texts,).

    Raises:
        ModelError: the space's model cannot be loaded.
        SpaceMismatch: where it was there is another one now.
        InvalidInput: a text is empty.
    """
    if blank := [text for text in texts if not text.strip()]:
        raise InvalidInput(f"the text {blank[0]!r} is empty", hint="Say what to look for.")
    role = "assistant" if named.space.text == "response" else "user"
    return _encode(named, [[{"role": role, "content": text}] for text in texts], "query")


def encode_conversations(named: NamedSpace, conversations: Sequence[Sequence[Message]]) -> Floats:
    """Return conversations as samples of a space, float32 (conversations, width), of length 1.

    One that has no text of the part that the space embeds gets a vector of zeros.

    Raises:
        ModelError: the space's model cannot be loaded.
        SpaceMismatch: where it was there is another one now.
    """
    return _encode(named, conversations, "sample")[0]


def _encode(
    named: NamedSpace, conversations: Sequence[Sequence[Message]], kind: Kind
) -> tuple[Floats, Floats]:
    encoder = _loaded(named.location, _options(named.space), _state(named.location))
    require_same(named, encoder.space)
    tokens = encoder.tokenize([encoder.render(messages, kind) for messages in conversations])
    found = np.zeros((len(conversations), named.space.width), np.float32)
    norms = np.zeros(len(conversations), np.float32)
    filled = [row for row, ids in enumerate(tokens.ids) if len(ids)]
    lengths = [len(tokens.ids[row]) for row in filled]
    for batch in by_tokens(lengths, BATCH_TOKENS, encoder.limit):
        rows = [filled[place] for place in batch]
        found[rows], norms[rows] = encoder.encode([tokens.ids[row] for row in rows])
    return found, norms


@lru_cache(1)
def _loaded(location: str, options: EncoderOptions, state: _State) -> Encoder:
    """Load a model, which takes seconds; the one asked last stays until its files change."""
    return Encoder(location, options)


def _state(location: str) -> _State:
    """Return what tells the files of a model's folder from changed ones; nothing of one by name."""
    found = ((path.name, path.stat()) for path in Path(location).glob("*"))
    return tuple(sorted((name, about.st_mtime_ns, about.st_size) for name, about in found))


def _options(space: EmbeddingSpace) -> EncoderOptions:
    """Return how a space's vectors are made; what its contract leaves open stays open."""
    names = {field.name for field in fields(EncoderOptions)} & {f.name for f in fields(space)}
    same = {name: getattr(space, name) for name in names}
    return EncoderOptions(**same, dtype=space.compute_dtype, store=space.stored_dtype)
