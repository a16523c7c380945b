"""How results are printed: text and tables for people, one JSON object for programs."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import Any

import click

Row = Mapping[str, Any]
PIPED_WIDTH = 1_000_000
COMMANDS_TO_TERMINALS = dict.fromkeys(
    [*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)],
    "\N{REPLACEMENT CHARACTER}",
)
"""Characters that colour, move, retitle or turn round what a terminal shows: samples hold them."""


def plain(value: Any) -> Any:  # noqa: ANN401
    """Return a value as JSON can hold it: times in ISO format, bytes in hexadecimal."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, float) and not isfinite(value):
        return None
    if isinstance(value, bool | int | float | str) or value is None:
        return value
    return str(value)


def print_json(value: object) -> None:
    """Print one JSON object."""
    click.echo(json.dumps(plain(value), ensure_ascii=False, indent=2))


def print_table(rows: Sequence[Row], columns: Iterable[str] | None = None) -> None:
    """Print rows as a table as wide as the terminal; piped, nothing is cut."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    names = list(columns or (rows[0] if rows else []))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in names:
        number = any(isinstance(row[name], int | float | Decimal) for row in rows)
        table.add_column(
            name.replace("_", " "), justify="right" if number else "left", overflow="ellipsis"
        )
        table.columns[-1].no_wrap = True
    for row in rows:
        table.add_row(*(cell(row[name]) for name in names))
    console = Console(
        file=sys.stdout,
        width=None if sys.stdout.isatty() else PIPED_WIDTH,
        highlight=False,
        markup=False,
        emoji=False,
    )
    console.print(table)


def cell(value: object) -> str:
    """Return a value as a person reads it, on one line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, int | Decimal):
        return f"{value:,}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | dict | tuple):
        value = json.dumps(plain(value), ensure_ascii=False)
    return one_line(str(value))


def one_line(text: str) -> str:
    """Return a text on one line, without what a terminal would obey.

    >>> one_line(f"red:  {chr(27)}[31m and end")
    'red: �[31m and end'
    """
    return " ".join(text.split()).translate(COMMANDS_TO_TERMINALS)


def count(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> count(1, "sample"), count(2000, "query")
    ('1 sample', '2,000 queries')
    """
    if number == 1:
        return f"1 {noun}"
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {plural}"


def shorten(text: str, length: int = 160) -> str:
    """Return a text on one line, cut to a length."""
    line = one_line(text)
    return line if len(line) <= length else f"{line[: length - 1]}…"


def near(path: Path | str) -> str:
    """Return a path as it is reached from here, if that is shorter."""
    place = Path(path)
    try:
        return str(place.relative_to(Path.cwd()))
    except ValueError:
        return str(place)
