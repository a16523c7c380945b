"""Find the sample that a person means, or guess which one it could be."""

from typing import Any

from catalog.audit import find_sample
from catalog.errors import UnknownName
from catalog.sql import load
from catalog.store import Reader


def the_sample(reader: Reader, reference: str) -> dict[str, Any]:
    """Return the sample that a content hash, the beginning of one, or an external id stands for.

    Raises:
        UnknownName: there is none; tells the ids that look most like it.
        InvalidInput: it stands for several.
    """
    try:
        return find_sample(reader, reference)
    except UnknownName as error:
        rows = reader.rows(load("explain/guesses"), reference=reference)
        near = " or ".join(row["external_id"] for row in rows)
        guess = f"Did you mean {near}? " if near else ""
        raise UnknownName(
            f"{error.message} was ever in this catalog", hint=f"{guess}{error.hint}"
        ) from error
