"""Who turns a text into a vector of a space: a plug, filled by what loads models.

Models are the business of `ingest`, which knows this library and not the other way round. Importing
it fills the plug with a function that loads a space's model when it is first asked.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from catalog.errors import ModelError
from catalog.home import Home
from catalog.model import NamedSpace

if TYPE_CHECKING:
    from catalog.vectors import Floats


class Encode(Protocol):
    """Makes vectors of texts."""

    def __call__(self, named: NamedSpace, texts: Sequence[str], /) -> "tuple[Floats, Floats]":
        """Return texts as queries of a space that a model makes.

        Returns:
            float32 (texts, width), of length 1, and their lengths before that, float32 (texts,).
        """


_plugged: list[Encode] = []


def plug(encode: Encode) -> None:
    """Have texts encoded by this function from now on."""
    _plugged[:] = [encode]


def encode_texts(
    home: Home, named: NamedSpace, texts: Sequence[str], encode: Encode | None = None
) -> "Floats":
    """Return the vectors of texts asked of a space, float32 (texts, width).

    They are rounded to the dtype that the space stores, as a stored query is: the same text has
    the same scores, whether it comes from a task or is typed.

    Args:
        home: the space's.
        named: the space.
        texts: what is asked.
        encode: does it; what is plugged in if None.

    Raises:
        ModelError: nothing is plugged in, or the space's model is gone.
        SpaceMismatch: where the space's model was there is another one now.
    """
    from catalog.spaces import base_of
    from catalog.store import Store
    from catalog.whitening import Whitening, transform_path

    if encode is None:
        if not _plugged:
            raise ModelError(
                f"the text is to be embedded by {named.space.model}, and nothing here loads models",
                hint="`import ingest` loads them when they are needed.",
            )
        [encode] = _plugged
    if not named.space.derivation:
        return _stored(encode(named, texts)[0], named)
    with Store(home).read() as reader:
        base = base_of(reader, named)
    vectors, norms = encode(base, texts)
    whitening = Whitening.load(transform_path(home, named.space))
    return _stored(whitening.apply(_stored(vectors, base), norms)[0], named)


def _stored(vectors: "Floats", named: NamedSpace) -> "Floats":
    """Return vectors as they come back from a space that stores them."""
    return vectors.astype(named.space.stored_dtype).astype(vectors.dtype)
