"""Parquet files of one schema joined to one: the bytes that one writer would have written.

Arrow writes a file with one thread, most of the time compressing. So row groups are written as
files of their own, side by side; what they hold is copied as it is, and only the places that their
footers name are moved. A footer is a Thrift structure in the compact protocol
(https://parquet.apache.org/docs/file-format/metadata); it is read and written here without knowing
more of it than those places.
"""

from collections.abc import Iterable
from io import BytesIO
from typing import Any, BinaryIO

MAGIC = b"PAR1"
TAIL_BYTES = 8
"""At the end of a file: the length of its footer, and the magic number."""

Struct = dict[int, tuple[int, Any]]
"""Type and value of each field of a Thrift structure, by its number."""

FILE_ROWS, FILE_GROUPS = 3, 4
GROUP_COLUMNS, GROUP_PLACE, GROUP_ORDINAL = 1, 5, 7
COLUMN_PLACES, COLUMN_DATA = (2, 4, 6), 3
DATA_PLACES = (9, 10, 11, 14)
"""Fields of the file, a row group, a column of it, its data; places are bytes from the start."""

TRUE, FALSE, BYTE, DOUBLE, BINARY, LIST, STRUCT = 1, 2, 3, 7, 8, 9, 12
WHOLE_NUMBERS = (4, 5, 6)
LONG = 15
"""A length from which it, or a step from field to field, has bytes of its own."""


def join(files: Iterable[bytes | memoryview], stream: BinaryIO) -> None:
    """Write files as one, their row groups in order.

    Args:
        files: whole Parquet files of one schema, at least one; without page indexes.
        stream: to write to, from its start.
    """
    footer: Struct = {}
    end = stream.write(MAGIC)
    for file in files:
        length = int.from_bytes(file[-TAIL_BYTES : -len(MAGIC)], "little")
        found = _read_struct(BytesIO(file[-TAIL_BYTES - length : -TAIL_BYTES]))
        groups = found[FILE_GROUPS][1][1]
        before = footer[FILE_GROUPS][1][1] if footer else []
        for ordinal, group in enumerate(groups, len(before)):
            _move(group, end - len(MAGIC), ordinal)
        if footer:
            rows = footer[FILE_ROWS][1] + found[FILE_ROWS][1]
            footer[FILE_ROWS] = (footer[FILE_ROWS][0], rows)
            before += groups
        else:
            footer = found
        end += stream.write(file[len(MAGIC) : -TAIL_BYTES - length])
    written = _struct(footer)
    stream.write(written + len(written).to_bytes(4, "little") + MAGIC)


def _move(group: Struct, by_bytes: int, ordinal: int) -> None:
    if GROUP_ORDINAL in group:
        group[GROUP_ORDINAL] = (group[GROUP_ORDINAL][0], ordinal)
    _shift(group, (GROUP_PLACE,), by_bytes)
    for column in group[GROUP_COLUMNS][1][1]:
        _shift(column, COLUMN_PLACES, by_bytes)
        _shift(column[COLUMN_DATA][1], DATA_PLACES, by_bytes)


def _shift(struct: Struct, fields: Iterable[int], by_bytes: int) -> None:
    for field in fields:
        if field in struct and struct[field][1]:  # 0 is no place
            kind, place = struct[field]
            struct[field] = (kind, place + by_bytes)


def _read_struct(stream: BytesIO) -> Struct:
    found: Struct = {}
    field = 0
    while head := stream.read(1)[0]:
        step, kind = divmod(head, 16)
        field = field + step if step else _signed(_read_size(stream))
        found[field] = (kind, kind == TRUE if kind in (TRUE, FALSE) else _read(stream, kind))
    return found


def _read(stream: BytesIO, kind: int) -> Any:  # noqa: ANN401
    if kind in WHOLE_NUMBERS:
        return _signed(_read_size(stream))
    if kind == STRUCT:
        return _read_struct(stream)
    if kind == BINARY:
        return stream.read(_read_size(stream))
    if kind == LIST:
        size, each = divmod(stream.read(1)[0], 16)
        size = _read_size(stream) if size == LONG else size
        return each, [_read(stream, each) for _ in range(size)]
    return stream.read({TRUE: 1, FALSE: 1, BYTE: 1, DOUBLE: 8}[kind])


def _read_size(stream: BytesIO) -> int:
    size, shift = 0, 0
    while (part := stream.read(1)[0]) & 128:
        size |= (part & 127) << shift
        shift += 7
    return size | part << shift


def _signed(number: int) -> int:
    return number >> 1 ^ -(number & 1)


def _struct(struct: Struct) -> bytes:
    made, before = bytearray(), 0
    for field, (kind, value) in struct.items():
        step = field - before
        if 0 < step <= LONG:
            made.append(step << 4 | kind)
        else:
            made.append(kind)
            made += _number(field)
        if kind not in (TRUE, FALSE):
            made += _written(kind, value)
        before = field
    return bytes(made) + b"\0"


def _written(kind: int, value: Any) -> bytes:  # noqa: ANN401
    if kind in WHOLE_NUMBERS:
        return _number(value)
    if kind == STRUCT:
        return _struct(value)
    if kind == BINARY:
        return _size(len(value)) + bytes(value)
    if kind == LIST:
        each, values = value
        size = len(values)
        head = bytes([size << 4 | each]) if size < LONG else bytes([LONG << 4 | each]) + _size(size)
        return head + b"".join(_written(each, item) for item in values)
    return bytes(value)


def _number(number: int) -> bytes:
    return _size(number << 1 if number >= 0 else ~number << 1 | 1)


def _size(size: int) -> bytes:
    made = bytearray()
    while size > 127:
        made.append(size & 127 | 128)
        size >>= 7
    made.append(size)
    return bytes(made)
