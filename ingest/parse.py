"""The bytes of one row become a row, more strictly than JSON itself."""

import json
import re
from json import JSONDecoder
from math import isfinite
from typing import Any

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
MOST_DIGITS = 4000
"""Of a whole number: Python refuses to read somewhat more, since that takes quadratic time."""

_BLANKS = " \t\r\n"

Row = dict[str, Any]


class Refusal(Exception):
    """Why a row is not taken in.

    Attributes:
        reason: one of a small closed set.
        detail: what was found, and where.
        raw: the row as text, where the reader could not give it as a row.
    """

    def __init__(self, reason: str, detail: str = "", raw: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail
        self.raw = raw


def _unique(pairs: list[tuple[str, Any]]) -> Row:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Refusal("duplicate key", repr(twice))
    return found


def _not_a_number(text: str) -> float:
    raise Refusal("not a number", f"{text} is not JSON")


def _whole(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise Refusal("not a number", f"a number of {len(text)} digits is too large")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise Refusal("not a number", f"{text[:40]} is too large")
    return value


_decode = JSONDecoder(
    object_pairs_hook=_unique,
    parse_constant=_not_a_number,
    parse_float=_finite,
    parse_int=_whole,
).raw_decode


def parse(raw: bytes) -> Row:
    """Read one row of JSON, more strictly than JSON itself.

    Raises:
        Refusal: broken JSON or UTF-8, a duplicate key, NaN, a lone surrogate, or not an object.
    """
    try:
        text = raw.decode().lstrip(_BLANKS)
        row, end = _decode(text)
        if text[end:].strip(_BLANKS):
            raise Refusal("broken JSON", f"more follows at character {end}")
        if _SURROGATE.search(raw):
            _refuse_surrogates(row)
    except UnicodeDecodeError as error:
        raise Refusal("broken UTF-8", f"byte {error.start}: {error.reason}") from error
    except RecursionError as error:
        raise Refusal("nested too deeply") from error
    except ValueError as error:
        raise Refusal("broken JSON", str(error)) from error
    if type(row) is not dict:
        raise Refusal("wrong type", f"the row is {kind(row)}, expected an object")
    return row


def _refuse_surrogates(row: Row) -> None:
    try:
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        found = f"U+{ord(str(error.object)[error.start]):04X}"
        raise Refusal("lone surrogate", found) from error


def kind(value: object) -> str:
    """Return what JSON calls this kind of value, for a message.

    >>> kind({}), kind(True), kind(None)
    ('an object', 'a boolean', 'null or missing')
    """
    names = {
        dict: "an object",
        list: "a list",
        str: "a string",
        bool: "a boolean",
        int: "a number",
        float: "a number",
        bytes: "bytes that are no UTF-8",
    }
    return "null or missing" if value is None else names.get(type(value), type(value).__name__)
