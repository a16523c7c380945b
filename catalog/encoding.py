"""Who turns a text into a vector of a space: a plug, filled by what loads models.

Models are the business of `ingest`, which knows this library and not the other way round. Importing
it fills the plug with a function that loads a space's model when it is first asked.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from catalog.errors import ModelError
from catalog.model import NamedSpace

if TYPE_CHECKING:
    from catalog.vectors import Floats


class Encode(Protocol):
    """Makes vectors of texts."""

    def __call__(self, named: NamedSpace, texts: Sequence[str], /) -> "Floats":
        """Return texts as queries of a space, float32 (texts, width), of length 1."""


_plugged: list[Encode] = []


def plug(encode: Encode) -> None:
    """Have texts encoded by this function from now on."""
    _plugged[:] = [encode]


def encode_texts(named: NamedSpace, texts: Sequence[str], encode: Encode | None = None) -> "Floats":
    """Return the vectors of texts asked of a space, float32 (texts, width).

    They are rounded to the dtype that the space stores, as a stored query is: the same text has
    the same scores, whether it comes from a task or is typed.

    Args:
        named: the space.
        texts: what is asked.
        encode: does it; what is plugged in if None.

    Raises:
        ModelError: nothing is plugged in, or the space's model is gone or has changed.
    """
    if encode is None:
        if not _plugged:
            raise ModelError(
                f"the text is to be embedded by {named.space.model}, and nothing here loads models",
                hint="`import ingest` loads them when they are needed.",
            )
        [encode] = _plugged
    found = encode(named, texts)
    return found.astype(named.space.stored_dtype).astype(found.dtype)
