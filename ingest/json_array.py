"""The rows of a JSON file that is not written one row a line, found without parsing them."""

import re
from collections.abc import Iterator
from typing import IO

CHUNK_BYTES = 1 << 20

_OUTSIDE = re.compile(rb'["{}\[\],]')
_STRING_END = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)

Element = tuple[int, bytes, int]
"""The line an element begins on, its bytes (cut at the limit), and how many it has in all."""


class BrokenArray(ValueError):
    """The array is never closed, or something follows it."""


def elements(stream: IO[bytes], limit: int, *, array: bool = True) -> Iterator[Element]:
    """Split a JSON array into its elements' raw bytes, whatever they hold.

    Args:
        stream: begins with the array, after white space and perhaps a byte order mark.
        limit: bytes of an element beyond this are counted, not kept.
        array: whether there is an array at all, or only its elements, one after the other.

    Raises:
        BrokenArray: when all that can be found was given.
    """
    splitter = _Splitter(limit, array)
    while chunk := stream.read(CHUNK_BYTES):
        yield from splitter.feed(chunk)
    yield from splitter.close()


class _Splitter:
    """Follows brackets and strings across chunks; keeps at most one unfinished element."""

    def __init__(self, limit: int, array: bool) -> None:
        self._limit = limit
        self._array = array
        self._depth = 0 if array else 1
        self._closed = False
        self._in_string = False
        self._left = b""
        self._line = 1
        self._new_element(1)

    def _new_element(self, line: int) -> None:
        self._line = line
        self._parts: list[bytes] = []
        self._size = 0
        self._newlines = 0

    def feed(self, chunk: bytes) -> Iterator[Element]:
        """Take in more of the array and give the elements that it completes."""
        text = self._left + chunk
        self._left = b""
        start = position = 0
        while found := self._next(text, position):
            position = found.end()
            mark = found.group()[-1:]
            if mark == b'"':
                self._in_string = not self._in_string
            elif mark == b"," and self._depth == 1:
                self._add(text[start : position - 1])
                yield self._take()
                start = position
            elif mark in b"{[":
                self._depth += 1
                if self._depth == 1:
                    self._add(text[start:position])
                    self._new_element(self._line + self._newlines)
                    start = position
            elif mark in b"}]":
                self._depth -= 1
                if self._depth == 0:
                    self._add(text[start : position - 1])
                    yield from self._last()
                    start = position
                elif self._depth == 1 and not self._array:
                    self._add(text[start:position])
                    yield self._take()
                    start = position
        if self._in_string:  # an escape that the chunk cuts in two is looked at again, whole
            backslashes = len(text) - len(text.rstrip(b"\\"))
            self._left = text[len(text) - backslashes % 2 :]
        self._add(text[start : len(text) - len(self._left)])

    def _next(self, text: bytes, position: int) -> re.Match[bytes] | None:
        if self._in_string:
            return _STRING_END.match(text, position)
        return _OUTSIDE.search(text, position)

    def _add(self, piece: bytes) -> None:
        if self._closed and piece.strip():
            blank = piece[: len(piece) - len(piece.lstrip())]
            line = self._line + self._newlines + blank.count(b"\n")
            raise BrokenArray(f"line {line}: something follows the end of the JSON array")
        room = self._limit - self._size
        if room > 0:
            self._parts.append(piece[:room])
        self._size += len(piece)
        self._newlines += piece.count(b"\n")

    def _take(self) -> Element:
        raw = b"".join(self._parts)
        bare = raw.lstrip()
        line = self._line + raw[: len(raw) - len(bare)].count(b"\n")
        size = self._size if self._size > self._limit else len(bare.rstrip())
        self._new_element(self._line + self._newlines)
        return line, bare.rstrip(), size

    def _last(self) -> Iterator[Element]:
        if b"".join(self._parts).strip():
            yield self._take()
        self._closed = True
        self._new_element(self._line + self._newlines)

    def close(self) -> Iterator[Element]:
        """Give what is left when the stream ends."""
        self._add(self._left)
        if not self._closed:
            if b"".join(self._parts).strip():
                yield self._take()
            if self._array:
                raise BrokenArray(f"the JSON array is cut off at line {self._line}")
