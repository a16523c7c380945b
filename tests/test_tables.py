"""Rows of tables are the same rows as those of JSON, whatever their columns are."""

import datetime
import decimal
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import UnreadableInput
from ingest import tables
from ingest.parse import Refusal, Row
from ingest.readers import Block
from ingest.staging import raw_rows
from ingest.tables import as_text, plain, read_hub, read_parquet, read_saved

LIMIT = 1 << 20
MESSAGES = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string()), ("name", pa.string())])


def rows(blocks: list[Block], limit: int = LIMIT) -> list[Any]:
    return [row for block in blocks for _, row in raw_rows(block, limit)]


def through_parquet(table: pa.Table, folder: Path, limit: int = LIMIT) -> list[Any]:
    pq.write_table(table, folder / "x.parquet")
    return rows(list(read_parquet(str(folder / "x.parquet"), "x.parquet", limit)), limit)


def test_nulls_that_fill_in_for_absence_are_dropped(tmp_path: Path) -> None:
    table = pa.table(
        {
            "messages": pa.array([MESSAGES, []], pa.list_(MESSAGE)),
            "id": [None, 7],
            "none": pa.nulls(2),
        }
    )
    assert through_parquet(table, tmp_path) == [{"messages": MESSAGES}, {"messages": [], "id": 7}]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array(["x"], pa.large_string()), "x"),
        (pa.array(["x"]).dictionary_encode(), "x"),
        (pa.array([b"x"]), "x"),
        (pa.array([b"\xff"]), b"\xff"),
        (pa.array([2**64 - 1], pa.uint64()), 2**64 - 1),
        (pa.array([1.5], pa.float32()), 1.5),
        (pa.array([True]), True),
        (pa.array([decimal.Decimal("1.50")]), "1.50"),
        (pa.array([datetime.date(2024, 5, 6)]), "2024-05-06"),
        (pa.array([1], pa.timestamp("ns", "UTC")), "1970-01-01 00:00:00.000000001+00:00"),
        (pa.array([61], pa.duration("s")), "0:01:01"),
        (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())), [["k", 1]]),
        (pa.array([[1, 2]], pa.list_(pa.int8(), 2)), [1, 2]),
        (pa.array([{"a": [{"b": None}, None]}]), {"a": [{}, None]}),
    ],
)
def test_a_column_of_any_type_becomes_what_json_holds(
    tmp_path: Path, column: pa.Array, expected: Any
) -> None:
    assert through_parquet(pa.table({"x": column}), tmp_path) == [{"x": expected}]


json_values = st.recursive(
    st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, min_size=1, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.fixed_dictionaries({"x": json_values}), min_size=1, max_size=1))
def test_what_json_holds_is_the_same_through_arrow(given: list[Row]) -> None:
    assert [plain(row) for row in pa.Table.from_pylist(given).to_pylist()] == given


def test_rows_are_numbered_through_all_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "BLOCK_BYTES", 500)
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"x": ["x" * 20] * 1000}), path, row_group_size=300)
    blocks = list(read_parquet(str(path), "x.parquet", LIMIT))
    numbered = [line for block in blocks for line, _ in raw_rows(block, LIMIT)]
    assert numbered == list(range(1, 1001))
    assert len(blocks) > 20
    told = [block.read_bytes for block in blocks]
    assert (told, told[-1]) == (sorted(told), path.stat().st_size)


def test_an_empty_table_has_no_rows(tmp_path: Path) -> None:
    assert through_parquet(pa.table({"x": pa.array([], pa.string())}), tmp_path) == []


def test_a_row_over_the_limit_is_refused_and_its_neighbours_are_not(tmp_path: Path) -> None:
    small, large, last = through_parquet(pa.table({"x": ["a", "b" * 2000, "c"]}), tmp_path, 1000)
    assert (small, last) == ({"x": "a"}, {"x": "c"})
    assert (large.reason, large.raw) == ("row too large", json.dumps({"x": "b" * 2000}))
    assert large.detail.endswith(" bytes, the limit is 1000")


def test_text_that_is_no_utf8_is_refused_with_what_can_be_shown(tmp_path: Path) -> None:
    contents = pa.array([b"ok", b"caf\xff", b"fine"]).view(pa.string())
    nested = pa.ListArray.from_arrays(
        [0, 1, 2, 3], pa.StructArray.from_arrays([contents], ["content"])
    )
    first, second, third = through_parquet(pa.table({"id": [1, 2, 3], "m": nested}), tmp_path)
    assert (first, third) == (
        {"id": 1, "m": [{"content": "ok"}]},
        {"id": 3, "m": [{"content": "fine"}]},
    )
    assert isinstance(second, Refusal)
    assert (second.reason, second.detail) == ("broken UTF-8", "byte 3: invalid start byte")
    assert second.raw == r'{"id": 2, "m": [{"content": "caf\\xff"}]}'


def test_a_value_that_python_cannot_hold_is_refused(tmp_path: Path) -> None:
    table = pa.table({"id": [1, 2], "at": pa.array([10**15, 0], pa.timestamp("s"))})
    far, near = through_parquet(table, tmp_path)
    assert (far.reason, far.detail) == ("wrong type", "Python int too large to convert to C int")
    assert near == {"id": 2, "at": "1970-01-01 00:00:00"}


def test_two_columns_of_one_name_are_an_error(tmp_path: Path) -> None:
    table = pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(UnreadableInput, match=r"x\.parquet has several columns named 'a'"):
        through_parquet(table, tmp_path)


def test_bytes_are_shown_as_text() -> None:
    assert as_text({"a": b"x\xff", "b": decimal.Decimal(1)}) == r'{"a": "x\\xff", "b": "1"}'


@pytest.fixture
def quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The library `datasets`, without progress bars and with a cache that goes away."""
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    return datasets


def test_a_saved_data_set_is_read_split_by_split(tmp_path: Path, quiet: Any) -> None:
    one = quiet.Dataset.from_list(
        [{"messages": MESSAGES, "id": 1}, {"messages": MESSAGES, "id": 2}]
    )
    one.save_to_disk(tmp_path / "one")
    quiet.DatasetDict(train=one, test=one.select([1])).save_to_disk(tmp_path / "many")
    found = list(read_saved(str(tmp_path / "one"), "one", LIMIT))
    assert rows(found) == [{"messages": MESSAGES, "id": 1}, {"messages": MESSAGES, "id": 2}]
    found = list(read_saved(str(tmp_path / "many"), "many", LIMIT))
    assert [(block.file, len(rows([block]))) for block in found] == [
        ("many/test", 1),
        ("many/train", 2),
    ]


def test_a_damaged_data_set_is_an_error(tmp_path: Path, quiet: Any) -> None:
    quiet.Dataset.from_list([{"messages": MESSAGES}]).save_to_disk(tmp_path / "one")
    (tmp_path / "one" / "state.json").write_text("{")
    with pytest.raises(UnreadableInput, match="cannot load the data set saved at"):
        list(read_saved(str(tmp_path / "one"), "one", LIMIT))


def test_the_hub_reader_takes_a_local_folder_and_a_split(tmp_path: Path, quiet: Any) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    text = "".join(json.dumps({"messages": MESSAGES, "id": str(n)}) + "\n" for n in range(4))
    (folder / "train.jsonl").write_text(text)
    assert len(rows(list(read_hub(f"hf://{folder}", "data", LIMIT)))) == 4
    assert [
        row["id"] for row in rows(list(read_hub(f"hf://{folder}:train[:2]", "data", LIMIT)))
    ] == [
        "0",
        "1",
    ]
    with pytest.raises(UnreadableInput, match='Unknown split "nope"'):
        list(read_hub(f"hf://{folder}:nope", "data", LIMIT))
