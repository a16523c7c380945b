"""The most common rows of JSON, read natively: messages of nothing but role and text.

This is a shortcut, never a second opinion. A row is taken only if nothing about it is in doubt;
`ingest.parse` and `ingest.normalize` judge every other one, and alone refuse. The native parser
keeps the last of two equal keys and tells nobody. So the strings of all rows taken are counted:
each began and ended with a quotation mark, and if what was kept holds as many as the bytes did,
nothing was dropped.
"""

import json.encoder
import re
from collections.abc import Callable
from hashlib import sha256
from json import JSONEncoder
from typing import Any

import msgspec
import numpy as np

from catalog.identity import ENCODING, content_hash, encode_message
from ingest.accepted import Accepted
from ingest.normalize import MAX_DEPTH, ROLES, Role
from ingest.parse import MOST_DIGITS

NUL = b"\\u0000"
"""The only way to write this character in JSON."""

TRIAL_ROWS = 100
"""If fewer than half of so many rows are plain, a block's rest is not tried: it costs a little."""

MOST_BACKSLASHES = 32
"""In a row, that are looked at one by one."""

_TOO_LONG_NUMBER = re.compile(rf"\d{{{MOST_DIGITS + 1}}}")


class _Turn(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    role: Role
    content: str


_Scalar = str | int | float | bool | None
# Messages are recognised by what they are, not by their place: a row is read in one go, its fields
# in their order. Lists of other objects make a row doubtful.
_Value = _Scalar | dict[str, Any] | list[_Turn | _Scalar | list[Any]]
_decode = msgspec.json.Decoder(dict[str, _Value]).decode

_DOUBTS = (ValueError, KeyError, TypeError, AttributeError, RecursionError, msgspec.MsgspecError)
_HEADS = {role: f"m{len(role)}:{role}s" for role in ROLES}
_BEGINNING = ENCODING.decode()


def quotes(text: bytes) -> int:
    r"""Count the quotation marks that begin or end a string; of valid JSON there are two a string.

    >>> quotes(b'{"a": "say \\"no\\"", "b": "C:\\\\"}')
    8
    """
    found = np.frombuffer(text, np.uint8)
    places = np.flatnonzero(found == ord('"'))
    count = len(places)
    # An odd number of backslashes before one makes it a part of the string.
    for depth in range(1, MOST_BACKSLASHES + 1):
        places = places[places >= depth]
        places = places[found[places - depth] == ord("\\")]
        if not len(places):
            return count
        count += -len(places) if depth % 2 else len(places)
    return _quotes_in_order(text)


def _quotes_in_order(text: bytes) -> int:
    """Count the same by pairing backslashes up from the left: longer, but as long for any text."""
    left = text.replace(b"\\\\", b"")
    return left.count(b'"') - left.count(b'\\"')


def _refuse(value: object) -> str:
    raise TypeError(f"{type(value).__name__} is no JSON")


def _make_encode() -> Callable[[Any], str]:
    """Return what writes JSON just as `ingest.normalize` does, without its cost for each call."""
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return JSONEncoder(
            ensure_ascii=False, allow_nan=False, check_circular=False, default=_refuse
        ).encode
    quote = json.encoder.encode_basestring
    write = make(None, _refuse, quote, None, ": ", ", ", False, False, False)
    return lambda value: "".join(write(value, 0))


_encode = _make_encode()


class PlainRows:
    """Takes plain rows of one block.

    Args:
        accepted: what they are added to.
        source: of every row, or None if each row's `dataset` names its own.
        max_row_bytes: larger rows are not plain.
        wary: look for NUL characters in each row, since the block may hold one.
    """

    def __init__(
        self, accepted: Accepted, source: str | None, max_row_bytes: int, *, wary: bool
    ) -> None:
        self._accepted = accepted
        self._source = source
        self._max_row_bytes = max_row_bytes
        self._wary = wary
        self._strings = 0
        self._texts: list[str] = []
        self._tried = self._taken = 0

    def take(self, line: int, raw: bytes) -> bool:
        """Take a row if it is plain beyond doubt, and tell whether it was taken."""
        if self._tried >= TRIAL_ROWS and self._taken * 2 < self._tried:
            return False
        self._tried += 1
        if len(raw) > self._max_row_bytes or (self._wary and NUL in raw):
            return False
        messages = len(self._accepted.roles)
        try:
            row: Any = _decode(raw)
            digest, turns = self._take_messages(row.pop("messages"))
            strings, external_id, source = self._take_names(row)
            metadata = _metadata(row) if row else None
        except _DOUBTS:
            del self._accepted.roles[messages:], self._accepted.contents[messages:]
            return False
        if metadata is not None:
            self._texts.append(metadata)
        self._strings += strings + 4 * turns
        self._accepted.add_row(line, source, external_id, metadata, digest, turns)
        self._taken += 1
        return True

    def _take_messages(self, turns: list[_Turn]) -> tuple[bytes, int]:
        """Take the messages, and return the hash that `catalog.identity` gives and their number."""
        roles, contents = self._accepted.roles, self._accepted.contents
        parts, answered = [], False
        for turn in turns:
            role, text = turn.role, turn.content
            if not text or text.isspace():
                raise ValueError("an empty message is for others to judge")
            answered = answered or role == "assistant"
            roles.append(role)
            contents.append(text)
            parts.append(f"{_HEADS[role]}{len(text)}:{text}n")
        if not answered:
            raise ValueError("whether an answer is needed is for others to judge")
        whole = f"{_BEGINNING};{len(parts)}:{''.join(parts)}n"
        if whole.isascii():  # as many bytes as characters
            return sha256(whole.encode()).digest(), len(parts)
        encoded = [encode_message(turn.role, turn.content, None) for turn in turns]
        return content_hash(encoded), len(parts)

    def _take_names(self, row: dict[str, Any]) -> tuple[int, str | None, str]:
        """Take the row's id and source; the number is of the strings taken out of it so far."""
        strings, found, source = 1, row.get("id"), self._source
        external_id = None
        if type(found) is str:
            external_id = found
            del row["id"]
            strings += 2
        elif type(found) is int:
            external_id = str(found)
            del row["id"]
            strings += 1
            if len(external_id) > MOST_DIGITS:
                raise ValueError("a number is too long")
        if source is None:
            source = row.pop("dataset")
            strings += 2
            if type(source) is not str or not source.strip():
                raise ValueError("the row names no source")
        return strings, external_id, source

    def is_sound(self, quoted: int) -> bool:
        """Tell whether all that the rows taken said was kept.

        Args:
            quoted: the quotation marks around strings in the bytes of these rows.
        """
        return quoted == 2 * self._strings + quotes("\n".join(self._texts).encode())


def _metadata(row: dict[str, Any]) -> str:
    """Return the text of a row's other fields."""
    text = _encode(row)
    if "tools" in row:
        raise ValueError("tools are for others to judge")
    if len(text) > MAX_DEPTH:
        if text.count("[") + text.count("{") > MAX_DEPTH:
            raise ValueError("it may be nested too deeply")
        if len(text) > MOST_DIGITS and _TOO_LONG_NUMBER.search(text):
            raise ValueError("a number may be too long")
    return text
