"""The short way for plain rows gives what judging every row gives, bit for bit, or stands aside."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ingest import accepted, staging
from ingest.accepted import Accepted
from ingest.plain import NUL, PlainRows, quotes
from ingest.readers import Block
from ingest.staging import Plan, stage
from tests.conftest import talk


def outcome(data: "bytes | list[bytes]", folder: Path, source: str | None, limit: int) -> Any:
    """Everything that staging a block gives: the report, and both files."""
    lines = tuple(range(1, len(data) + 1)) if isinstance(data, list) else ()
    block = Block("x.jsonl", 1, data, lines=lines)
    plan = Plan(str(folder), source, limit)
    staged = stage(block, 1, "messages", plan)
    found: list[Any] = [staged]
    for kind, there in (("rows", staged.accepted), ("refused", staged.reasons)):
        path = Path(staged.path(plan.folder, kind))
        assert path.exists() == bool(there)
        if there:
            with pa.OSFile(str(path)) as file:
                found.append(pa.ipc.open_file(file).read_all())
            path.unlink()
    return found


@pytest.fixture(scope="module")
def check(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., int]:
    """Stage a block both ways, hold the results equal, and count the rows of the short way."""
    folder = tmp_path_factory.mktemp("staged")

    def both(data: "bytes | list[bytes]", source: str | None = "s", limit: int = 4000) -> int:
        taken: list[int] = []
        sound = PlainRows.is_sound

        def is_sound(self: PlainRows, quoted: int) -> bool:
            taken.append(self._taken if sound(self, quoted) else 0)
            return bool(taken[0])

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(PlainRows, "is_sound", is_sound)
            short = outcome(data, folder, source, limit)
            patch.setattr(staging._Rows, "read_natively", lambda self: False)
            strict = outcome(data, folder, source, limit)
        assert short == strict
        return taken[0]

    return both


def plain(**fields: Any) -> bytes:
    return json.dumps({**talk("q", "a"), **fields}).encode()


ODD_ROWS = [
    b'{"messages": [{"role": "user", "r\\u006fle": "user", "content": "q"}, '
    b'{"role": "assistant", "content": "a"}]}',
    b'{"messages": [{"role": "user", "content": "x", "content": "q"}, '
    b'{"role": "assistant", "content": "a"}]}',
    b'{"messages": [], "messages": [{"role": "assistant", "content": "a"}]}',
    b'{"id": 1, "messages": [{"role": "assistant", "content": "a"}], "id": 2}',
    b'{"meta": {"a": 1, "a": 2}, "messages": [{"role": "assistant", "content": "a"}]}',
    b'{"meta": {"a": "x", "\\u0061": "x"}, "messages": [{"role": "assistant", "content": "a"}]}',
    b'{"meta": {}, "meta": {}, "messages": [{"role": "assistant", "content": "a"}]}',
    b'{"dataset": "d", "dataset": "d", "messages": [{"role": "assistant", "content": "a"}]}',
    plain(meta={"a\\": 'b"', '"': "\\\\", "deep": [1, {"k": None}]}),
    plain(meta={"text": '"' * 5, "\\" * 40: "\\" * 41 + '"'}),
    plain(n=float("nan")),
    plain(n=float("-inf")),
    plain().replace(b"{", b'{"n": 1e999, ', 1),
    plain().replace(b"{", b'{"n": -0, "m": -0.0, "e": 1E5, "f": 1e16, "g": 0.1e-7, ', 1),
    plain().replace(b"{", b'{"n": 18446744073709551616, "m": -9223372036854775809, ', 1),
    plain().replace(b"{", b'{"n": ' + b"9" * 3500 + b", ", 1),
    plain().replace(b"{", b'{"n": 01, ', 1),
    plain().replace(b"{", b'{"n": [1,], ', 1),
    plain(id=2**70),
    plain(id=True),
    plain(id=1.5),
    plain(id=None),
    plain(id=["x"]),
    plain(id=""),
    plain(tools=None),
    plain(tools=[{"name": "f"}]),
    plain(prompt=[{"role": "user", "content": "q"}]),
    plain(tags=["a", 1, None, [{"k": "v"}]]),
    plain(tags=[{"k": "v"}]),
    plain(dataset=" "),
    plain(dataset=5),
    plain(dataset="d\0"),
    plain(dataset="é ünï 中 \u2028"),
    plain(meta="\ud83d\ude00").replace(b"q", "😀中é".encode()),
    plain().replace(b'"q"', b'"\\ud83d"'),
    plain().replace(b'"q"', b'"\\ud83d\\ud83d"'),
    plain().replace(b'"q"', b'"\\ude00\\ud83d"'),
    plain().replace(b'"q"', b'"\\u0000"'),
    plain().replace(b'"q"', b'"\\\\u0000"'),
    plain().replace(b'"q"', b'"\x00"'),
    plain().replace(b'"q"', b'"\x1f"'),
    plain().replace(b'"q"', b'"\x7f\\/\\b\\f\\u001F"'),
    plain().replace(b'"q"', b'"\xff"'),
    plain().replace(b'"q"', b'"\xed\xa0\x80"'),
    plain().replace(b'"q"', b'"\\x"'),
    plain().replace(b'"q"', b'" \\n\\u001c\\u00a0\\u3000"'),
    plain().replace(b'"q"', b'""'),
    plain().replace(b'"q"', b"null"),
    plain().replace(b'"q"', b"5"),
    plain().replace(b'"q"', b'["q"]'),
    plain().replace(b'"user"', b'"us\\u0065r"'),
    plain().replace(b'"user"', b'"User"'),
    plain().replace(b'"user"', b"true"),
    plain().replace(b'"assistant"', b'"user"'),
    plain().replace(b'"role"', b'"name": "n", "role"'),
    plain().replace(b'"role"', b'"lang": "en", "role"'),
    plain().replace(b'"role": "user", ', b""),
    b'{"messages": []}',
    b'{"messages": "x"}',
    b'{"messages": ["x"]}',
    b'{"messages": null}',
    b'{"messages": {"role": "assistant", "content": "a"}}',
    b'{"text": "x"}',
    b"\xef\xbb\xbf" + plain(),
    plain() + b"x",
    plain() + plain(),
    plain()[:-3],
    b" \t" + plain() + b" \r",
    b"\x0b" + plain(),
    plain() + b"\xc2\xa0",
    b"[]",
    b"7",
    b'"text"',
    b'{"a": ' + b"[" * 1200 + b"]" * 1200 + b"}",
    plain(deep=json.loads("[" * 99 + "]" * 99)),
    plain(deep=json.loads("[" * 101 + "]" * 101)),
    plain(flat=[[]] * 150),
    plain(long="x" * 5000),
    b"",
    b" \r",
    b"\x0c",
]


@pytest.mark.parametrize("odd", ODD_ROWS)
@pytest.mark.parametrize("source", [None, "s"])
def test_an_odd_row_among_plain_ones_has_the_same_fate(
    check: Callable[..., int], odd: bytes, source: str | None
) -> None:
    rows = [plain(dataset="d", id="1"), odd, plain(dataset="d", meta={"k": 1})]
    check(b"\n".join(rows), source)
    check([row for row in rows if row.strip()], source)


def test_plain_rows_take_the_short_way(check: Callable[..., int]) -> None:
    rows = [plain(dataset="d", id=number, meta={"k": "v\\"}) for number in range(9)]
    assert check(b"\r\n".join(rows), None) == 9
    assert check(rows, None) == 9


def test_an_odd_row_leaves_plain_ones_on_the_short_way(check: Callable[..., int]) -> None:
    assert check(b"\n".join([plain(id=1), b'{"broken": "', b"", plain(tools=[1]), plain()])) == 2


def test_a_key_given_twice_sends_the_whole_block_the_long_way(check: Callable[..., int]) -> None:
    assert check(b"\n".join([plain(), ODD_ROWS[0], plain()])) == 0


def test_rows_that_lack_a_quotation_mark_and_rows_that_have_one_too_many_do_not_even_out(
    check: Callable[..., int],
) -> None:
    twice = plain().replace(b'"role": "user"', b'"role": "user", "role": "user"')
    for other in (b'{"a": "', b'"', b'{"a": """}', b'{"a\\"": "x"', b'\\"\\', b'{"a": "\\'):
        assert check(b"\n".join([plain(), other, twice, other])) == 0


def test_a_block_of_odd_rows_is_not_tried_to_its_end(check: Callable[..., int]) -> None:
    odd = plain(tools=[1])
    assert check(b"\n".join([odd] * 150 + [plain()] * 20)) == 0
    assert check(b"\n".join([plain()] * 60 + [odd] * 30 + [plain()] * 40)) == 100


texts = st.text(max_size=6) | st.sampled_from(['"', "\\", "\\\\", '\\"', "\0", "é", "{", "e+16"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
turns = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["user", "assistant", "assistant", "system", "alien"]),
        "content": st.sampled_from(["q", "ä\\", '"']) | texts,
    },
    optional={"name": texts, "stray": values},
)
rows = st.fixed_dictionaries(
    {"messages": st.lists(turns, max_size=3) | values},
    optional={"id": values, "dataset": texts, "tools": values, "meta": values, "tags": values},
)


@st.composite
def written(draw: st.DrawFn) -> bytes:
    """A row as somebody may have written it, sometimes damaged."""
    text = json.dumps(draw(rows), ensure_ascii=draw(st.booleans()))
    raw = text.encode(errors="surrogatepass")
    if draw(st.integers(0, 3)) == 0:
        place = draw(st.integers(0, len(raw)))
        raw = raw[:place] + draw(st.binary(max_size=3)) + raw[place + draw(st.integers(0, 3)) :]
    if draw(st.integers(0, 5)) == 0:
        name = draw(st.sampled_from([b'"role"', b'"r\\u006fle"', b'"content"', b'"id"', b'"meta"']))
        raw = raw.replace(b"{", b"{" + name + b": 1, ", draw(st.integers(1, 2)))
    return raw


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(written(), max_size=6), st.sampled_from([None, "s"]), st.booleans())
@example([plain(), ODD_ROWS[0]], None, False)
def test_whatever_a_block_holds_both_ways_agree(
    check: Callable[..., int], raws: list[bytes], source: str | None, array: bool
) -> None:
    check([raw for raw in raws if raw] if array else b"\n".join(raws), source, 300)


@given(values, st.booleans())
def test_a_string_begins_and_ends_with_a_quotation_mark(value: Any, escaped: bool) -> None:
    def strings(value: Any) -> int:
        if isinstance(value, dict):
            return len(value) + sum(map(strings, value.values()))
        return sum(map(strings, value)) if isinstance(value, list) else isinstance(value, str)

    text = json.dumps(value, ensure_ascii=escaped).encode(errors="surrogatepass")
    assert quotes(text) == 2 * strings(value)


@pytest.mark.parametrize("backslashes", [0, 1, 2, 31, 32, 33, 34, 99, 100])
def test_any_number_of_backslashes_pair_up(backslashes: int) -> None:
    assert quotes(b'"' + b"\\" * backslashes + b'"') == 1 + (backslashes % 2 == 0)


def test_a_nul_character_has_one_spelling() -> None:
    assert json.dumps("\0").encode() == b'"' + NUL + b'"'


def test_fields_that_few_rows_have_stand_by_their_rows() -> None:
    found = Accepted()
    for line, (contents, extras, tools) in enumerate(
        [(["a"], [None], None), ([None, "bc"], ['{"x": 1}', None], "[1]")], 1
    ):
        roles = ["assistant"] * len(contents)
        found.add(
            line,
            accepted.Conversation(
                bytes([line] * 32), 0, roles, contents, extras, tools, 0, None, "s", None
            ),
        )
    table = found.table("f", "messages", 3).select(
        ["ordinal", "order_key", "messages", "tools", "turns", "characters"]
    )
    message = {"role": "assistant", "content": "a", "extra": None}
    assert table.to_pylist() == [
        {
            "ordinal": 3 << 32,
            "order_key": int.from_bytes(bytes([1] * 8), "big"),
            "messages": [message],
            "tools": None,
            "turns": 1,
            "characters": 1,
        },
        {
            "ordinal": (3 << 32) + 1,
            "order_key": int.from_bytes(bytes([2] * 8), "big"),
            "messages": [
                message | {"content": None, "extra": '{"x": 1}'},
                message | {"content": "bc"},
            ],
            "tools": "[1]",
            "turns": 2,
            "characters": 2,
        },
    ]
