"""How samples, queries and vectors get in: the only writer of the pool."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.embedding import embed
    from ingest.loading import load
    from ingest.tasks import add_task

__all__ = ["add_task", "embed", "load"]

_HOMES = {"add_task": "ingest.tasks", "embed": "ingest.embedding", "load": "ingest.loading"}


def __getattr__(name: str) -> object:
    """Import a job when it is first used: some need torch, most do not."""
    if name not in _HOMES:
        raise AttributeError(f"module 'ingest' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
