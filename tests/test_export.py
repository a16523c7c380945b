"""Exports: what went in comes out, in order, whole or not at all."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import catalog
import ingest
from catalog import Catalog
from catalog.errors import InvalidInput, OutputExists, UnknownName
from catalog.exporting import ExportFormat
from catalog.exporting.lines import lines as written_lines
from catalog.exporting.members import rows
from tests.conftest import talk
from tests.tiny import add_vectors

Write = Callable[..., Path]
Row = dict[str, Any]

CALL = {"type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
TOOLS = [{"type": "function", "function": {"name": "add", "parameters": {"b": 2, "a": [1.5]}}}]
ROWS: list[Row] = [
    talk("Plain?", "Ünïcode \u2028 and 🙂 and\ttabs", id=7),
    {
        "messages": [
            {"role": "system", "content": ""},
            {"role": "user", "content": "Call.", "name": "ann"},
            {"role": "assistant", "content": None, "tool_calls": [CALL], "reasoning": "hm"},
            {"role": "tool", "content": "2", "tool_call_id": "x1"},
            {"role": "assistant", "content": "Two.", "loss": False, "weight": 0.5},
        ],
        "tools": TOOLS,
        "id": "calls",
    },
    {
        "messages": [
            {"role": "user", "content": " spaced "},
            {"role": "assistant", "content": "Old.", "function_call": {"name": "f"}, "weight": 1},
        ],
        "tools": '[{"name": "as text"}]',
    },
    {
        "messages": [
            {"role": "developer", "content": "Big."},
            {"role": "user", "content": "n?"},
            {"role": "assistant", "content": "n", "weight": 2**70, "loss_mask": [1, 0]},
        ]
    },
]
PART = pa.schema(
    {
        **dict.fromkeys(("id", "dataset"), pa.string()),
        "messages": pa.list_(pa.struct(dict.fromkeys(("role", "content", "extra"), pa.string()))),
        **dict.fromkeys(("tools", "content_hash"), pa.string()),
        "position": pa.int64(),
        "repeats": pa.int32(),
        "score": pa.float32(),
        **dict.fromkeys(("task", "query"), pa.string()),
        "rank": pa.int64(),
        "sources": pa.list_(pa.string()),
    }
)
"""Members as they are read to be written."""
FORMATS: list[ExportFormat] = ["jsonl", "parquet", "hf"]


@pytest.fixture(scope="module")
def odd_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("odd")
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (folder / "more.jsonl").write_text(json.dumps(ROWS[0] | {"id": "again"}) + "\n")
    cat = catalog.init(folder / "home")
    ingest.load(cat, [folder / "rows.jsonl"], source="odd")
    ingest.load(cat, [folder / "more.jsonl"], source="more")
    cat.select("all", sql="from pool order by sample_id")
    return cat.home.path


@pytest.fixture
def odd(odd_home: Path, tmp_path: Path) -> Catalog:
    """A home with four samples of unlike fields, the first in two sources, all in `all@1`."""
    return catalog.open(shutil.copytree(odd_home, tmp_path / "home"))


def lines(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def hashes(cat: Catalog, snapshot: str = "all@1") -> list[str]:
    statement = "select hash from member where snapshot = $snapshot order by position"
    rows = cat.sql(statement, snapshot=snapshot).to_pylist()
    return [row["hash"] for row in rows]


def test_jsonl_holds_every_row_as_it_came(odd: Catalog, tmp_path: Path) -> None:
    report = odd.export("all", tmp_path / "out" / "all.jsonl")
    assert (report.snapshot, report.rows, report.written) == ("all@1", 4, True)
    found = lines(tmp_path / "out" / "all.jsonl")
    assert [row["messages"] for row in found] == [row["messages"] for row in ROWS]
    assert [row.get("tools") for row in found] == [row.get("tools") for row in ROWS]
    assert ["tools" in row for row in found] == [False, True, True, False]
    marks = hashes(odd)
    assert [row["id"] for row in found] == ["again", "calls", marks[2], marks[3]]
    assert [row["dataset"] for row in found] == ["more", "odd", "odd", "odd"]
    assert found[0]["catalog"] == {
        "content_hash": marks[0],
        "snapshot": "all@1",
        "position": 0,
        "repeats": 1,
        "score": None,
        "task": None,
        "query": None,
        "rank": None,
        "sources": ["more", "odd"],
    }


def test_members_say_why_they_were_chosen(stocked_home: Path, tmp_path: Path) -> None:
    cat = catalog.open(shutil.copytree(stocked_home, tmp_path / "home"))
    path = tmp_path / "task.jsonl"
    path.write_text(json.dumps(talk("Named?", id="q-7")) + "\n")
    ingest.add_task(cat, "named", path)
    add_vectors(cat, "made", {n: [1.0, n] for n in range(1, 43)}, {9: [0.0, 1.0]})
    cat.select("why", method="round_robin", tasks=["named"], size=3)
    cat.export("why", tmp_path / "why.jsonl")
    reasons = [row["catalog"] for row in lines(tmp_path / "why.jsonl")]
    assert [(r["task"], r["query"], r["rank"], r["position"]) for r in reasons] == [
        ("named", "q-7", n, n) for n in range(3)
    ]
    assert reasons[0]["score"] == pytest.approx(42 / (1 + 42**2) ** 0.5, abs=1e-6)


def test_an_export_taken_in_elsewhere_is_the_same_content(odd: Catalog, tmp_path: Path) -> None:
    odd.export("all", tmp_path / "all.jsonl")
    other = catalog.init(tmp_path / "other")
    counts = ingest.load(other, [tmp_path / "all.jsonl"]).counts
    assert (counts.added, counts.refused) == (4, 0)
    found = other.sql("select hash, source from pool order by sample_id").to_pylist()
    assert [row["hash"] for row in found] == hashes(odd)
    assert [row["source"] for row in found] == ["more", "odd", "odd", "odd"]
    back = ingest.load(odd, [tmp_path / "all.jsonl"], source="back").counts
    assert (back.added, back.duplicate) == (0, 4)


def test_parquet_has_one_schema_for_unlike_rows(odd: Catalog, tmp_path: Path) -> None:
    odd.export("all", tmp_path / "all.parquet", format="parquet")
    table = pq.read_table(tmp_path / "all.parquet")
    assert [row["catalog"]["content_hash"] for row in table.to_pylist()] == hashes(odd)
    message = table.schema.field("messages").type.value_type
    types = {message.field(i).name: str(message.field(i).type) for i in range(message.num_fields)}
    assert types == {
        "role": "string",
        "content": "string",
        "function_call": "string",
        "loss": "bool",
        "loss_mask": "string",
        "name": "string",
        "reasoning": "string",
        "tool_call_id": "string",
        "tool_calls": "string",
        "weight": "string",
    }
    [_, calls, _, big] = table["messages"].to_pylist()
    assert json.loads(calls[2]["tool_calls"]) == [CALL]
    assert (calls[0]["content"], calls[2]["content"], calls[4]["loss"]) == ("", None, False)
    assert big[2]["weight"] == str(2**70)
    assert json.loads(table["tools"][1].as_py()) == TOOLS


def test_plain_conversations_have_a_plain_schema(stocked_home: Path, tmp_path: Path) -> None:
    cat = catalog.open(shutil.copytree(stocked_home, tmp_path / "home"))
    cat.select("all", method="random", size=42)
    cat.export("all", tmp_path / "all.parquet", format="parquet")
    schema = pq.read_schema(tmp_path / "all.parquet")
    assert schema.names == ["id", "dataset", "messages", "catalog"]
    assert str(schema.field("messages").type).count(":") == 3  # the element, role and content


def test_datasets_reads_every_format(
    odd: Catalog, stocked_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    plain = catalog.open(shutil.copytree(stocked_home, tmp_path / "plain"))
    for number, home in enumerate((odd, plain)):
        # All but the number of 70 bits, which the JSON reader of `datasets` cannot hold.
        home.select("some", sql="from pool order by sample_id", size=3)
        expected = hashes(home, "some@1")
        for format in FORMATS:
            path = str(tmp_path / f"{number}.{format}")
            home.export("some", path, format=format)
            if format == "hf":
                found = datasets.load_from_disk(path)
            else:
                kind = {"jsonl": "json", "parquet": "parquet"}[format]
                cache = str(tmp_path / "cache")
                found = datasets.load_dataset(kind, data_files=path, split="train", cache_dir=cache)
            assert [row["catalog"]["content_hash"] for row in found] == expected
            assert found[0]["messages"][-1]["role"] == "assistant"


# What is there already


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_export_again_writes_nothing(
    odd: Catalog, tmp_path: Path, format: ExportFormat
) -> None:
    path = tmp_path / "out" / "all"
    assert odd.export("all", path, format=format).written
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "out").rglob("*")}
    assert not odd.export("all", path, format=format).written
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "out").rglob("*")} == before


@pytest.mark.parametrize("format", FORMATS)
def test_other_content_is_replaced_only_when_asked(
    odd: Catalog, tmp_path: Path, format: ExportFormat
) -> None:
    path = tmp_path / "out" / "all"
    odd.select("two", sql="from pool order by sample_id desc", size=2)
    odd.export("two", path, format=format)
    with pytest.raises(OutputExists, match="exists and holds other content"):
        odd.export("all", path, format=format)
    assert odd.export("all", path, format=format, overwrite=True).written
    assert not odd.export("all", path, format=format).written
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["all"]


@pytest.mark.parametrize("format", FORMATS)
def test_a_folder_of_the_users_is_never_replaced(
    odd: Catalog, tmp_path: Path, format: ExportFormat
) -> None:
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "chapter.txt").write_text("years of work")
    with pytest.raises(OutputExists, match="is not replaced"):
        odd.export("all", folder, format=format, overwrite=True)
    assert (folder / "chapter.txt").read_text() == "years of work"
    assert [file.name for file in folder.iterdir()] == ["chapter.txt"]


def test_what_is_no_file_is_never_replaced(odd: Catalog, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("kept")
    for path, format in ((tmp_path / "pipe", "jsonl"), (tmp_path / "file", "hf"), ("/", "jsonl")):
        with pytest.raises(OutputExists):
            odd.export("all", path, format=format, overwrite=True)  # type: ignore[arg-type]
    assert (tmp_path / "file").read_text() == "kept"


def test_an_empty_folder_may_become_a_data_set(odd: Catalog, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    assert odd.export("all", tmp_path / "data", format="hf", overwrite=True).written


@pytest.mark.parametrize("format", FORMATS)
def test_a_failed_export_leaves_what_was_there_and_nothing_else(
    odd: Catalog, tmp_path: Path, format: ExportFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out").mkdir()

    def fail(*args: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("catalog.exporting.exporting.place", fail)
    with pytest.raises(InvalidInput, match="No space left on device"):
        odd.export("all", tmp_path / "out" / "all", format=format)
    assert list((tmp_path / "out").iterdir()) == []


def test_what_cannot_be_written_is_our_error(odd: Catalog, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for output in (tmp_path / "file" / "inside", tmp_path / ("x" * 300), tmp_path / ("x" * 250)):
        with pytest.raises(InvalidInput, match="cannot write"):
            odd.export("all", output)
    with pytest.raises(InvalidInput, match="no export format 'csv'"):
        odd.export("all", tmp_path / "x", format="csv")  # type: ignore[arg-type]
    with pytest.raises(UnknownName):
        odd.export("al", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_snapshot_in_many_parts_is_written_as_in_one(
    stocked_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cat = catalog.open(shutil.copytree(stocked_home, tmp_path / "home"))
    (tmp_path / "odd.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    ingest.load(cat, [tmp_path / "odd.jsonl"], source="odd")
    cat.select("all", method="random", size=46)
    formats: list[ExportFormat] = ["jsonl", "parquet", "axolotl", "open-instruct"]
    for name in ("whole.jsonl", "parts.jsonl"):
        for format in formats:
            cat.export("all", tmp_path / format / name, format=format, skip_unsupported=True)
        monkeypatch.setattr("catalog.exporting.ordering.PART_CHARACTERS", 2000)
        monkeypatch.setattr("catalog.exporting.ordering.RUN_CHARACTERS", 3000)
        monkeypatch.setattr("catalog.exporting.ordering.STRETCH", 4)
        monkeypatch.setattr("catalog.exporting.ordering.BATCH_CHARACTERS", 1000)
        monkeypatch.setattr("catalog.exporting.ordering.TEXT_BYTES", 4000)
        monkeypatch.setattr("catalog.exporting.ordering.FACT_BYTES", 0)
        monkeypatch.setattr("catalog.exporting.lines.BATCH_ROWS", 2)
    assert [row["catalog"]["position"] for row in lines(tmp_path / "jsonl" / "parts.jsonl")] == [
        *range(46)
    ]
    for format in ("jsonl", "open-instruct"):
        whole, parts = (tmp_path / format / f"{name}.jsonl" for name in ("whole", "parts"))
        assert whole.read_bytes() == parts.read_bytes()
    whole, parts = (tmp_path / "parquet" / f"{name}.jsonl" for name in ("whole", "parts"))
    assert pq.read_table(whole).equals(pq.read_table(parts))
    assert pq.read_metadata(whole).num_row_groups == 1 < pq.read_metadata(parts).num_row_groups
    whole, parts = (
        tmp_path / "axolotl" / f"{name}.jsonl" / "all-v1.parquet" for name in ("whole", "parts")
    )
    assert pq.read_table(whole).equals(pq.read_table(parts))


ODD_TEXT = st.text(
    st.one_of(
        st.characters(exclude_categories=("Cs",)), st.sampled_from('\0\x0b\x1f\x7f"\\/\n\u2028')
    )
)
NUMBER = st.one_of(st.none(), st.floats(width=32))


@given(
    st.lists(
        st.tuples(ODD_TEXT, st.lists(st.tuples(ODD_TEXT, st.none() | ODD_TEXT)), NUMBER, ODD_TEXT),
        min_size=1,
        max_size=4,
    )
)
@settings(max_examples=60, deadline=None)
def test_lines_are_what_pythons_json_writes(drawn: list[Any]) -> None:
    snapshot = cast(Any, 'odd"name@1')
    stored = [
        {
            "id": text,
            "dataset": text or None,
            "messages": [{"role": r, "content": c, "extra": None} for r, c in messages],
            "tools": None,
            "content_hash": "ab" * 32,
            "position": position,
            "repeats": 1,
            "score": score,
            "task": task or None,
            "query": task,
            "rank": position or None,
            "sources": [text, task] if text else None,
        }
        for position, (text, messages, score, task) in enumerate(drawn)
    ]
    part = pa.RecordBatch.from_pylist(stored, schema=PART)
    written = b"".join(written_lines(iter([part]), snapshot, "100MB"))
    expected = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows([part], snapshot)]
    assert written == "".join(expected).encode()
