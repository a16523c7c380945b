"""The catalog of record for instruction tuning: know what you trained on.

::

    import catalog

    cat = catalog.open(".catalog")
    snapshot = cat.select("math", method="round_robin", tasks=["gsm8k"], size=10_000)
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from catalog.api import Catalog
from catalog.errors import CatalogError

__all__ = ["Catalog", "CatalogError", "content_hash", "init", "open"]


def open(home: str | Path = ".catalog") -> Catalog:
    """Open a catalog home.

    Raises:
        HomeNotFound: there is none.
        HomeRevision: its schema revision is not the one this library works with.
    """
    from catalog.home import Home
    from catalog.migrate import require_newest

    place = Home.at(home)
    require_newest(place)
    return Catalog(place)


def init(home: str | Path = ".catalog") -> Catalog:
    """Make a catalog home, or open the one that is there."""
    from catalog.migrate import initialise

    return Catalog(initialise(home)[0])


def content_hash(messages: Iterable[Mapping[str, Any]], tools: Any = None) -> str:  # noqa: ANN401
    """Return a conversation's identity, 64 hexadecimal digits, the same wherever it is met.

    Args:
        messages: role, content and what else a message has, as they were taken in.
        tools: what the model was offered; None if nothing.
    """
    from catalog.identity import hash_of

    return hash_of(messages, tools)
