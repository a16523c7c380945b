"""How samples, queries and vectors get in: the only writer of the pool."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from catalog.functions.encoding import plug

if TYPE_CHECKING:
    from catalog.model import NamedSpace
    from catalog.vectors import Floats
    from ingest.asking import encode_queries
    from ingest.embedding import embed
    from ingest.loading import load
    from ingest.scores.importing import import_scores
    from ingest.scores.scoring import score
    from ingest.tasks import add_task
    from ingest.whitening import whiten

__all__ = ["add_task", "embed", "encode_queries", "import_scores", "load", "score", "whiten"]

_HOMES = {
    "add_task": "ingest.tasks",
    "embed": "ingest.embedding",
    "encode_queries": "ingest.asking",
    "import_scores": "ingest.scores.importing",
    "load": "ingest.loading",
    "score": "ingest.scores.scoring",
    "whiten": "ingest.whitening",
}


def __getattr__(name: str) -> object:
    """Import a job when it is first used: some need torch, most do not."""
    if name not in _HOMES:
        raise AttributeError(f"module 'ingest' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def _encode(named: "NamedSpace", texts: Sequence[str]) -> "tuple[Floats, Floats]":
    from ingest.asking import encode_queries

    return encode_queries(named, texts)


plug(_encode)  # so that texts in statements and searches find a model
