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

from catalog.identity import ENCODING, content_hash, encode_message
from ingest.accepted import Accepted
from ingest.normalize import MAX_DEPTH, ROLES, Role
from ingest.parse import MOST_DIGITS

NUL = b"\\u0000"
"""The only way to write this character in JSON."""

TRIAL_ROWS = 100
"""If fewer than half of so many rows are plain, a block's rest is not tried: it costs a little."""

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
    if b"\\" not in text:
        return text.count(b'"')
    # Backslashes pair up from the left, so what is left after this escapes what follows it.
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
        try:
            large = len(raw) > self._max_row_bytes
            taken = not large and not (self._wary and NUL in raw) and self._take(line, raw)
        except _DOUBTS:
            return False
        self._taken += taken
        return taken

    def _take(self, line: int, raw: bytes) -> bool:
        row: Any = _decode(raw)
        turns = row.pop("messages")
        roles = [turn.role for turn in turns]
        contents = [turn.content for turn in turns]
        if "assistant" not in roles or not all(contents) or any(map(str.isspace, contents)):
            return False
        strings = 1 + 4 * len(roles)
        external_id = row.get("id")
        if type(external_id) is str:
            del row["id"]
            strings += 2
        elif type(external_id) is int:
            del row["id"]
            strings += 1
            external_id = str(external_id)
            if len(external_id) > MOST_DIGITS:
                return False
        else:
            external_id = None
        source = self._source
        if source is None:
            source = row.pop("dataset")
            strings += 2
            if type(source) is not str or not source.strip():
                return False
        metadata = self._metadata(row) if row else None
        if metadata is not None:
            self._texts.append(metadata)
        self._strings += strings
        digest = _hash(roles, contents)
        self._accepted.add_plain(line, source, external_id, metadata, digest, roles, contents)
        return True

    @staticmethod
    def _metadata(row: dict[str, Any]) -> str:
        """Return the text of a row's other fields."""
        text = _encode(row)
        if "tools" in row or text.count("[") + text.count("{") > MAX_DEPTH:
            raise ValueError("this is for others to judge")
        if len(text) > MOST_DIGITS and _TOO_LONG_NUMBER.search(text):
            raise ValueError("a number may be too long")
        return text

    def is_sound(self, quoted: int) -> bool:
        """Tell whether all that the rows taken said was kept.

        Args:
            quoted: the quotation marks around strings in the bytes of these rows.
        """
        return quoted == 2 * self._strings + quotes("\n".join(self._texts).encode())


def _hash(roles: list[str], contents: list[str]) -> bytes:
    """Return what `catalog.identity.content_hash` gives for messages of nothing but text."""
    pairs = zip(roles, contents, strict=True)
    messages = "".join([f"{_HEADS[role]}{len(text)}:{text}n" for role, text in pairs])
    if messages.isascii():  # as many bytes as characters
        return sha256(f"{_BEGINNING};{len(roles)}:{messages}n".encode()).digest()
    pairs = zip(roles, contents, strict=True)
    return content_hash(encode_message(role, text, None) for role, text in pairs)
