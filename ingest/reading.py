"""Conversations are read from the catalog, made texts, and tokenised."""

from dataclasses import dataclass

from catalog.sql import load
from catalog.store import Store
from catalog.vectors import Ids, Kind
from ingest.encoder import Encoder
from ingest.template import Rendered
from ingest.tokens import Flags, Tokens, within


@dataclass
class Window:
    """Some samples or queries, tokenised, still in order of id.

    Attributes:
        ids: of the samples or queries.
        tokens: of each.
        texts: of each, with where its answers lie; empty if nobody asks.
        answers: which of its tokens are answers, bool (tokens,); empty if nobody asks.
    """

    ids: Ids
    tokens: Tokens
    texts: list[Rendered]
    answers: list[Flags]


def read_window(store: Store, encoder: Encoder, kind: Kind, ids: Ids, answers: bool) -> Window:
    """Read some conversations and tokenise them.

    Args:
        store: the catalog's.
        encoder: tokenises.
        kind: samples or queries.
        ids: of them, ascending; those that are gone are left out.
        answers: tell where answers lie, and which tokens they are.
    """
    query = load("embed/samples" if kind == "sample" else "embed/queries")
    with store.read() as reader:
        rows = reader.arrow(query, ids=ids.tolist())
    found, talks = rows["id"].to_numpy(), rows["messages"].to_pylist()
    if not answers:
        plain = [encoder.render(talk, kind) for talk in talks]
        return Window(found, encoder.tokenize(plain), [], [])
    texts = [encoder.rendered(talk, kind) for talk in talks]
    tokens = encoder.tokenize([text.text for text in texts], places=True)
    spans = ([(answer.start, answer.end) for answer in text.answers] for text in texts)
    flags = [within(places, span) for places, span in zip(tokens.places, spans, strict=True)]
    return Window(found, tokens, texts, flags)
