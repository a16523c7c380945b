"""Which sample is meant: by its hash, the beginning of it, or an id."""

import re
from typing import Any

from catalog.errors import InvalidInput, UnknownName
from catalog.sql import load
from catalog.store import Reader, Rows

HASH = re.compile(r"[0-9a-fA-F]{8,64}")
KEY_DIGITS = 16


def find_sample(reader: Reader, reference: str) -> dict[str, Any]:
    """Return the sample that a content hash, the beginning of one, or an external id stands for.

    Raises:
        UnknownName: there is no such sample.
        InvalidInput: it stands for several.
    """
    return _only(reference, _known(reader, reference))


def find_any(reader: Reader, reference: str) -> dict[str, Any]:
    """Do the same; a hash that only ledgers know has no messages, and an id below 0.

    Raises:
        UnknownName: neither the catalog nor a ledger has it.
        InvalidInput: it stands for several.
    """
    found = _known(reader, reference)
    if HASH.fullmatch(reference):
        found += reader.rows(load("audit/find_unknown"), digits=reference.lower())
    return _only(reference, found)


def _known(reader: Reader, reference: str) -> Rows:
    digits = reference.lower() if HASH.fullmatch(reference) else ""
    first, last = _order_keys(digits) if digits else (1, 0)
    return reader.rows(
        load("audit/find_sample"), reference=reference, digits=digits, first=first, last=last
    )


def _order_keys(digits: str) -> tuple[int, int]:
    """Return the least and the greatest order key of hashes that begin with some digits.

    An order key is a hash's first 64 bits, and much faster to look through than the hash.

    >>> _order_keys("ff" * 32), _order_keys("0" * 15)
    ((-1, -1), (0, 15))
    """
    keys = (digits[:KEY_DIGITS].ljust(KEY_DIGITS, filler) for filler in "0f")
    first, last = (int.from_bytes(bytes.fromhex(key), "big", signed=True) for key in keys)
    return first, last


def _only(reference: str, found: Rows) -> dict[str, Any]:
    if not found:
        raise UnknownName(
            f"no sample with the hash or id {reference!r}",
            hint="Give a content hash, at least 8 digits of one, or the `id` of a row; "
            "`catalog sql` finds samples by their text.",
        )
    if len(found) > 1:
        hashes = ", ".join(row["hash"][:16] for row in found[:5])
        raise InvalidInput(
            f"{reference!r} stands for {len(found)} samples: {hashes}",
            hint="Give more of the content hash of the one you mean.",
        )
    return found[0]
