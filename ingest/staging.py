"""One block of raw rows becomes Arrow files on disk: the rows accepted, and those refused."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from catalog.errors import StoreError
from ingest.accepted import Accepted
from ingest.formats import FORMATS, FormatName
from ingest.normalize import Shape, normalize
from ingest.parse import Refusal, Row, parse
from ingest.plain import NUL, PlainRows, quotes
from ingest.readers import Block
from ingest.tables import as_text, table_rows

REFUSED = pa.schema(
    [
        ("line", pa.int64()),
        ("file", pa.string()),
        ("source", pa.string()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("raw", pa.string()),
    ]
)
DETAIL_CHARACTERS = 500

RefusedAt = tuple[str, int, str, str]
"""Where and why a row was refused: file, line, reason, detail."""

Raw = bytes | Row | Refusal
"""A row before it is checked: text (JSON), a value (tables), or why it cannot even be given."""


@dataclass(frozen=True)
class Plan:
    """How every block of a job is to be read.

    Attributes:
        folder: where the staged files go.
        source: the source of every row, or None if each row's `dataset` names its own.
        max_row_bytes: larger rows are refused.
        needs_answer: refuse conversations without an assistant turn.
    """

    folder: str
    source: str | None
    max_row_bytes: int
    needs_answer: bool = True


@dataclass(frozen=True)
class Staged:
    """What became of one block.

    Attributes:
        number: the block's number in the job.
        accepted: rows accepted.
        size_bytes: of the raw rows together.
        reasons: how many rows were refused, by reason.
        first_refusals: a few of them.
    """

    number: int
    accepted: int
    size_bytes: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    first_refusals: tuple[RefusedAt, ...] = ()

    @property
    def rows(self) -> int:
        """Return how many rows the block had."""
        return self.accepted + self.reasons.total()

    def path(self, folder: str, kind: str) -> str:
        """Return where this block's `rows` or `refused` were put."""
        return str(Path(folder) / f"{self.number:08d}.{kind}.arrow")


def describe_refusal(refusal: RefusedAt) -> str:
    """Return a refusal as one line of an error message.

    >>> describe_refusal(("chat.jsonl", 7, "no messages", ""))
    'chat.jsonl:7: no messages'
    """
    file, line, reason, detail = refusal
    return f"{file}:{line}: {reason}" + (f" ({detail})" if detail else "")


def raw_rows(block: Block, max_row_bytes: int) -> Iterator[tuple[int, Raw]]:
    """Take a block apart into rows with their line numbers; blank lines are no rows."""
    block = block.loaded()
    if block.table:
        assert isinstance(block.data, bytes)
        yield from enumerate(table_rows(block.data, max_row_bytes), block.first_line)
    elif isinstance(block.data, list):
        yield from zip(block.lines, block.data, strict=True)
    elif isinstance(block.data, bytes):
        for line, raw in enumerate(block.data.split(b"\n"), block.first_line):
            if raw and not raw.isspace():
                yield line, raw


def stage(block: Block, number: int, format_name: FormatName, plan: Plan) -> Staged:
    """Check a block's rows and write what came of them below the plan's folder."""
    block = block.loaded()
    rows = _Rows(block, FORMATS[format_name][0], plan)
    if not (format_name == "messages" and plan.needs_answer and rows.read_natively()):
        rows = _Rows(block, rows.shape, plan)
        rows.read_strictly()
    accepted, refused = rows.accepted, rows.refused
    staged = Staged(
        number,
        len(accepted),
        block.size_bytes,
        Counter(reason for _, _, _, reason, _, _ in refused),
        tuple((file, line, reason, detail) for line, file, _, reason, detail, _ in refused[:3]),
    )
    if accepted:
        table = accepted.table(block.file, format_name, number)
        _write(table, staged.path(plan.folder, "rows"))
    if refused:
        columns = [list(column) for column in zip(*refused, strict=True)]
        _write(pa.table(columns, schema=REFUSED), staged.path(plan.folder, "refused"))
    return staged


class _Rows:
    """The rows of a block, one after the other accepted or refused."""

    def __init__(self, block: Block, shape: Shape, plan: Plan) -> None:
        self.block, self.shape, self.plan = block, shape, plan
        self.accepted = Accepted()
        self.refused: list[tuple[int, str, str | None, str, str, str]] = []

    def read_strictly(self) -> None:
        """Judge every row."""
        for line, raw in raw_rows(self.block, self.plan.max_row_bytes):
            self.judge(line, raw)

    def read_natively(self) -> bool:
        """Take plain rows by the short way, and tell whether the whole block can be relied on."""
        block, limit = self.block, self.plan.max_row_bytes
        if block.table or block.cut_bytes:
            return False
        whole = b"\n".join(block.data) if isinstance(block.data, list) else block.data
        assert isinstance(whole, bytes)
        plain = PlainRows(self.accepted, self.plan.source, limit, wary=NUL in whole)
        quoted = quotes(whole)
        for line, raw in raw_rows(block, limit):
            assert isinstance(raw, bytes)
            if not plain.take(line, raw):
                quoted -= quotes(raw)
                self.judge(line, raw)
        return plain.is_sound(quoted)

    def judge(self, line: int, raw: Raw) -> None:
        """Accept or refuse one row."""
        plan = self.plan
        row: Row = {}
        try:
            row = _row(raw, self.block.cut_bytes, plan.max_row_bytes)
            found = normalize(row, self.shape, source=plan.source, needs_answer=plan.needs_answer)
            self.accepted.add(line, found)
        except Refusal as refusal:
            detail = refusal.detail[:DETAIL_CHARACTERS]
            text = _as_text(raw, plan.max_row_bytes)
            source = plan.source or _named(row)
            self.refused.append((line, self.block.file, source, refusal.reason, detail, text))


def _row(raw: Raw, cut_bytes: int, limit: int) -> Row:
    """Return the row as it is to be checked; a table's is copied, since checking takes it apart."""
    if isinstance(raw, Refusal):
        raise raw
    if isinstance(raw, dict):
        return raw.copy()
    size = cut_bytes or len(raw)
    if size > limit:
        raise Refusal("row too large", f"{size} bytes, the limit is {limit}")
    return parse(raw)


def _named(row: Row) -> str | None:
    name = row.get("dataset")
    return name if isinstance(name, str) and "\0" not in name else None


def _as_text(raw: Raw, limit: int) -> str:
    """Return a refused row as text that a database can hold, its beginning if it is too large."""
    match raw:
        case bytes():
            text = raw[:limit].decode(errors="backslashreplace")
        case dict():
            text = as_text(raw)
        case Refusal():
            text = raw.raw[:limit]
    return text.replace("\0", "\\x00")


def _write(table: pa.Table, path: str) -> None:
    """Write without compressing: the file is read once, soon, and straight from memory.

    Raises:
        StoreError: it cannot be written.
    """
    try:
        with pa.OSFile(path, "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
    except OSError as error:
        raise StoreError(
            f"cannot write {path}: {error}",
            hint="Free some space and run the same command again: it goes on where it was.",
        ) from error


def read_staged(paths: Iterable[str]) -> pa.Table:
    """Return what staged files hold, mapped into memory rather than read."""
    return pa.concat_tables([_mapped(path) for path in paths])


def _mapped(path: str) -> pa.Table:
    with pa.memory_map(path) as file:
        return pa.ipc.open_file(file).read_all()
