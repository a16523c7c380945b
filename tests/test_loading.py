"""Files go in: every row is added, a duplicate, or refused; twice is once; nothing is lost."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import catalog
import ingest
from catalog import Catalog, schema
from catalog.errors import InvalidInput, RefusedRows, StoreError, UnreadableInput
from catalog.jobs import Counts
from catalog.progress import Tick
from catalog.store import Store
from ingest import chunks, commit, folders, loading, readers, workers
from ingest.staging import Staged
from tests.conftest import Row, talk

Write = Callable[..., Path]


def rows(cat: Catalog, statement: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in cat.sql(statement).to_pylist()]


def contents(cat: Catalog) -> list[tuple[Any, ...]]:
    """Everything an ingest writes, but for the clock and the times."""
    return [
        rows(cat, f"select * exclude (change_id) from {table} order by all")
        for table in ("sample", "sample_source", "source", "rejection", "retirement")
    ]


def retire(cat: Catalog, *prompts: str) -> None:
    """Take samples back by their first prompt."""
    found = rows(cat, "select sample_id, messages[1].content from sample")
    ids = [sample_id for sample_id, prompt in found if prompt in prompts]
    batch = pa.table(
        {"sample_id": ids, "retired": [True] * len(ids), "reason": ["test"] * len(ids)}
    )
    with Store(cat.home).write("test") as transaction:
        assert transaction.insert_arrow(schema.retirement, batch) == len(prompts)


def test_every_row_is_added_a_duplicate_or_refused(cat: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "mix.jsonl"
    lines = [
        json.dumps(talk("one", id="a", meta={"k": 1})),
        "{broken",
        "",
        json.dumps(talk("two", id=2)),
        json.dumps(talk("one", id="b")),
        json.dumps({"messages": [{"role": "user", "content": "\0"}]}),
    ]
    path.write_text("\n".join(lines))
    report = ingest.load(cat, [path], source="mix")
    assert report.counts == Counts(read=5, added=2, duplicate=1, refused=2)
    assert report.reasons == {"NUL character": 1, "broken JSON": 1}
    assert (report.appended, report.withdrawn, report.resumed) == ({}, 0, False)
    assert rows(cat, "select sample_id, messages[1].content, turns, characters from sample") == [
        (1, "one", 2, 7),
        (2, "two", 2, 7),
    ]
    appearances = "select sample_id, external_id, file, line, metadata, job_id from sample_source"
    assert rows(cat, f"{appearances} order by line") == [
        (1, "a", "mix.jsonl", 1, '{"meta": {"k": 1}}', 1),
        (2, "2", "mix.jsonl", 4, None, 1),
        (1, "b", "mix.jsonl", 5, None, 1),
    ]
    rejections = "select job_id, source, file, line, reason, raw from rejection order by line"
    assert rows(cat, rejections) == [
        (1, "mix", "mix.jsonl", 2, "broken JSON", "{broken"),
        (1, "mix", "mix.jsonl", 6, "NUL character", lines[5]),
    ]


def test_the_same_file_twice_adds_nothing(cat: Catalog, write_jsonl: Write) -> None:
    path = write_jsonl("x.jsonl", [talk("a"), talk("b"), talk("a")])
    ingest.load(cat, [path], source="s")
    before = contents(cat)
    report = ingest.load(cat, [path], source="s")
    assert report.counts == Counts(read=3, duplicate=3)
    assert contents(cat) == before


def test_rows_with_different_fields_go_in_together(cat: Catalog, write_jsonl: Write) -> None:
    given: list[Row] = [
        talk("a", n=1),
        talk("b", n="text"),
        talk("c", n={"deep": [1]}),
        talk("d", other=None),
    ]
    report = ingest.load(cat, [write_jsonl("x.jsonl", given)], source="s")
    assert report.counts.added == 4
    assert rows(cat, "select metadata from sample_source order by line") == [
        ('{"n": 1}',),
        ('{"n": "text"}',),
        ('{"n": {"deep": [1]}}',),
        ('{"other": null}',),
    ]


def test_rows_name_their_sources_if_nobody_else_does(cat: Catalog, write_jsonl: Write) -> None:
    given = [talk("a", dataset="z"), talk("b", dataset="y"), talk("c"), talk("a", dataset="y")]
    report = ingest.load(cat, [write_jsonl("x.jsonl", given)], revision="v2", license="MIT")
    assert report.counts == Counts(read=4, added=2, duplicate=1, refused=1)
    assert report.reasons == {"no source": 1}
    assert rows(cat, "select source_id, name, revision, license, format from source") == [
        (1, "z", "v2", "MIT", "messages"),
        (2, "y", "v2", "MIT", "messages"),
    ]
    assert rows(cat, "select sample_id, source_id from sample_source order by line") == [
        (1, 1),
        (2, 2),
        (1, 2),
    ]


def test_a_refused_row_keeps_the_source_it_named(cat: Catalog, write_jsonl: Write) -> None:
    given = [{"dataset": "z", "messages": []}, {"dataset": 5, "messages": []}]
    ingest.load(cat, [write_jsonl("x.jsonl", given)])
    assert rows(cat, "select source, reason from rejection order by line") == [
        ("z", "no messages"),
        (None, "no messages"),
    ]


def test_two_revisions_are_two_sources(cat: Catalog, write_jsonl: Write) -> None:
    path = write_jsonl("x.jsonl", [talk("a")])
    ingest.load(cat, [path], source="s", revision="v1")
    report = ingest.load(cat, [path], source="s", revision="v2")
    assert report.counts == Counts(read=1, duplicate=1)
    assert (
        len(rows(cat, "select * from source")) == len(rows(cat, "select * from sample_source")) == 2
    )


def test_what_is_known_of_a_source_can_be_told_later(cat: Catalog, write_jsonl: Write) -> None:
    path = write_jsonl("x.jsonl", [talk("a")])
    ingest.load(cat, [path], source="s", uri="https://example.org")
    ingest.load(cat, [path], source="s", license="MIT")
    assert rows(cat, "select uri, license from source") == [("https://example.org", "MIT")]


def test_a_changed_file_appends_what_is_new_and_says_so(cat: Catalog, write_jsonl: Write) -> None:
    ingest.load(cat, [write_jsonl("x.jsonl", [talk("a", id="1"), talk("b")])], source="s")
    changed = [talk("new"), talk("a", id="1"), talk("b", note="seen")]
    report = ingest.load(cat, [write_jsonl("x.jsonl", changed)], source="s")
    assert report.counts == Counts(read=3, added=1, duplicate=2)
    assert report.appended == {"s@main": 2}
    assert rows(cat, "select sample_id, line, job_id from sample_source order by all") == [
        (1, 1, 1),
        (2, 2, 1),
        (2, 3, 2),
        (3, 1, 2),
    ]


def test_a_replaced_source_retires_what_it_no_longer_holds(
    cat: Catalog, write_jsonl: Write
) -> None:
    ingest.load(cat, [write_jsonl("other.jsonl", [talk("shared")])], source="other")
    ingest.load(cat, [write_jsonl("x.jsonl", [talk("a"), talk("b"), talk("shared")])], source="s")
    ingest.load(cat, [write_jsonl("old.jsonl", [talk("b")])], source="s", revision="old")
    new = write_jsonl("x.jsonl", [talk("c")])
    report = ingest.load(cat, [new], source="s", replace=True)
    assert (report.counts, report.withdrawn) == (Counts(read=1, added=1), 1)
    assert rows(cat, "select messages[1].content from pool order by 1") == [
        ("b",),
        ("c",),
        ("shared",),
    ]
    assert rows(cat, "select sample_id, reason from retired") == [
        (2, "replaced: its source no longer holds it")
    ]
    assert ingest.load(cat, [new], source="s", replace=True).withdrawn == 0


def test_several_sources_are_replaced_together(cat: Catalog, write_jsonl: Write) -> None:
    before = [talk("a", dataset="x"), talk("b", dataset="y"), talk("c", dataset="z")]
    after = [talk("b", dataset="x"), talk("d", dataset="y")]
    ingest.load(cat, [write_jsonl("x.jsonl", before)])
    report = ingest.load(cat, [write_jsonl("x.jsonl", after)], replace=True)
    assert (report.counts, report.withdrawn) == (Counts(read=2, added=1, duplicate=1), 1)
    assert rows(cat, "select messages[1].content from pool order by 1") == [("b",), ("c",), ("d",)]


@pytest.mark.parametrize("text", ["", "{broken\n"])
def test_a_source_is_not_replaced_by_nothing(
    cat: Catalog, write_jsonl: Write, tmp_path: Path, text: str
) -> None:
    ingest.load(cat, [write_jsonl("x.jsonl", [talk("a")])], source="s")
    (tmp_path / "x.jsonl").write_text(text)
    with pytest.raises(InvalidInput, match="replacing would retire the whole source"):
        ingest.load(cat, [tmp_path / "x.jsonl"], source="s", replace=True)
    assert rows(cat, "select * from retired") == []


def test_retired_content_that_comes_again_stays_retired_and_is_counted(
    cat: Catalog, write_jsonl: Write
) -> None:
    ingest.load(cat, [write_jsonl("x.jsonl", [talk("a"), talk("b")])], source="s")
    retire(cat, "a")
    again = write_jsonl("y.jsonl", [talk("a"), talk("c"), talk("a"), talk("b")])
    report = ingest.load(cat, [again], source="t")
    assert report.counts == Counts(read=4, added=1, duplicate=3, retired=2)
    assert rows(cat, "select messages[1].content from pool order by 1") == [("b",), ("c",)]


def test_a_strict_job_that_refuses_a_row_adds_nothing(
    cat: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "COMMIT_ROWS", 2)
    monkeypatch.setattr(readers, "BLOCK_BYTES", 200)
    monkeypatch.setattr(readers, "HEAD_BYTES", 100)
    path = tmp_path / "x.jsonl"
    good = [json.dumps(talk(f"prompt {number}")) for number in range(20)]
    path.write_text("\n".join([*good, "{broken"]))
    with pytest.raises(RefusedRows) as found:
        ingest.load(cat, [path], source="s", strict=True)
    assert found.value.message == (
        "1 rows were refused, so nothing was added: x.jsonl:21: broken JSON (Expecting property "
        "name enclosed in double quotes: line 1 column 2 (char 1))"
    )
    assert contents(cat) == [[], [], [], [], []]
    assert [(job["status"], job["rows_read"]) for job in cat.jobs()] == [("failed", 0)]
    path.write_text("\n".join(good))
    assert ingest.load(cat, [path], source="s", strict=True).counts == Counts(read=20, added=20)


def test_what_came_before_a_file_that_changes_while_it_is_read_is_kept(
    cat: Catalog, write_jsonl: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "BLOCK_BYTES", 200)
    monkeypatch.setattr(readers, "HEAD_BYTES", 100)
    path = write_jsonl("x.jsonl", [talk(f"prompt {number}") for number in range(20)])
    whole, read = path.read_bytes(), readers.Stretch.read

    def shrunk(stretch: readers.Stretch) -> bytes:
        if stretch.offset > 500:
            path.write_bytes(whole[:500])
        return read(stretch)

    with monkeypatch.context() as patch:
        patch.setattr(readers.Stretch, "read", shrunk)
        with pytest.raises(UnreadableInput, match="became shorter while it was read"):
            ingest.load(cat, [path], source="s")
    assert 0 < cat.jobs()[0]["rows_added"] < 20
    path.write_bytes(whole)
    assert ingest.load(cat, [path], source="s").counts.read == 20
    assert rows(cat, "select count(*) from sample") == [(20,)]


def test_a_strict_job_with_a_damaged_file_adds_nothing(
    cat: Catalog, write_jsonl: Write, tmp_path: Path
) -> None:
    damaged = tmp_path / "y.json"
    damaged.write_text("[" + json.dumps(talk("b")))
    with pytest.raises(UnreadableInput):
        ingest.load(cat, [write_jsonl("x.jsonl", [talk("a")]), damaged], source="s", strict=True)
    assert contents(cat) == [[], [], [], [], []]


def test_what_came_before_a_damaged_file_is_kept(
    cat: Catalog, write_jsonl: Write, tmp_path: Path
) -> None:
    first, damaged = write_jsonl("a.jsonl", [talk("a")]), tmp_path / "b.json"
    damaged.write_text("[" + json.dumps(talk("b")) + ",\n" + json.dumps(talk("c"))[:-9])
    last = write_jsonl("c.jsonl", [talk("d")])
    with pytest.raises(UnreadableInput, match="the JSON array is cut off at line 2"):
        ingest.load(cat, [first, damaged, last], source="s")
    [job] = cat.jobs()
    assert (job["status"], job["rows_read"], job["rows_refused"]) == ("failed", 3, 1)
    assert job["error"] == f"cannot read {damaged}: the JSON array is cut off at line 2"
    damaged.write_text(json.dumps([talk("b"), talk("c")]))
    report = ingest.load(cat, [first, damaged, last], source="s")
    assert report.counts == Counts(read=4, added=2, duplicate=2)


MESSAGES = talk("q\n\n1", "a")["messages"]
FORMATS: dict[str, Row] = {
    "messages": {"messages": MESSAGES},
    "alpaca": {"instruction": "q", "input": "1", "output": "a"},
    "sharegpt": {
        "conversations": [{"from": "human", "value": "q\n\n1"}, {"from": "gpt", "value": "a"}]
    },
    "prompt-completion": {"prompt": "q\n\n1", "completion": "a"},
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_recognised_and_gives_the_same_sample(
    cat: Catalog, write_jsonl: Write, name: str
) -> None:
    told: list[loading.Recognised] = []
    path = write_jsonl("x.jsonl", [FORMATS[name]])
    ingest.load(cat, [path], source="s", announce=told.append)
    assert told == [{(name, True): 1}]
    assert rows(cat, "select lower(hex(content_hash)), messages[1].content from sample") == [
        ("2706ff6da4c991d0aa1bc96c14a03713e891ceaf7a3d5e16a85d5d658e9765ce", "q\n\n1")
    ]
    assert rows(cat, "select format from source") == [(name,)]


def test_every_kind_of_file_gives_the_same_sample(cat: Catalog, tmp_path: Path) -> None:
    line = json.dumps({"messages": MESSAGES}).encode()
    files = {
        "a.jsonl": line,
        "b.jsonl.gz": gzip.compress(line),
        "c.jsonl.zst": pa.Codec("zstd").compress(line, asbytes=True),
        "d.json": b"[" + line + b"]",
        "e.json": json.dumps({"messages": MESSAGES}, indent=2).encode(),
    }
    for name, content in files.items():
        (tmp_path / "data" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "data" / name).write_bytes(content)
    pq.write_table(pa.table({"messages": [MESSAGES]}), tmp_path / "data" / "f.parquet")
    report = ingest.load(cat, [tmp_path / "data"], source="s")
    assert report.counts == Counts(read=6, added=1, duplicate=5)
    assert rows(cat, "select file from sample_source order by all") == [
        (f"data/{name}",) for name in [*sorted(files), "f.parquet"]
    ]


@pytest.fixture
def many(write_jsonl: Write) -> list[Path]:
    """Two files of 300 rows, with duplicates within and between them and refused rows."""
    given = [talk(f"prompt {number % 250}", dataset=f"s{number % 7}") for number in range(600)]
    for number in range(0, 600, 50):
        given[number] = {"messages": [], "dataset": "bad"}
    return [write_jsonl("a.jsonl", given[:300]), write_jsonl("b.jsonl", given[300:])]


def test_the_result_depends_neither_on_chunks_nor_on_processes(
    tmp_path: Path, many: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = catalog.init(tmp_path / "whole")
    counts = ingest.load(whole, many).counts
    assert counts == Counts(read=600, added=245, duplicate=343, refused=12)
    monkeypatch.setattr(chunks, "COMMIT_ROWS", 130)
    monkeypatch.setattr(commit, "ROW_GROUP_ROWS", 60)
    monkeypatch.setattr(readers, "BLOCK_BYTES", 3000)
    monkeypatch.setattr(readers, "HEAD_BYTES", 500)
    monkeypatch.setattr(workers, "INLINE_BYTES", 1000)
    parts = catalog.init(tmp_path / "parts")
    assert ingest.load(parts, many).counts == counts
    assert contents(parts) == contents(whole)
    assert len(rows(parts, "select * from change")) > 2 * len(rows(whole, "select * from change"))


def test_chunks_end_where_they_fill_a_row_group(
    cat: Catalog, many: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "COMMIT_ROWS", 130)
    monkeypatch.setattr(commit, "ROW_GROUP_ROWS", 60)
    monkeypatch.setattr(readers, "BLOCK_BYTES", 3000)
    monkeypatch.setattr(readers, "HEAD_BYTES", 500)
    ingest.load(cat, many)
    found = rows(cat, "select count(*) from sample group by change_id order by change_id")
    assert sum(count for (count,) in found) == 245
    assert len(found) > 1 and all(count % 60 == 0 for (count,) in found[:-1])


def test_samples_that_come_from_elsewhere_after_they_were_looked_up_are_duplicates(
    cat: Catalog, write_jsonl: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [talk("one", dataset="s"), talk("two", dataset="s")]
    ours, theirs = write_jsonl("ours.jsonl", given), write_jsonl("theirs.jsonl", given[:1])
    look, write, meanwhile = commit.look_up, Store.write, list[Path]()

    def looking(*arguments: Any) -> commit.Arriving:
        meanwhile.append(theirs)
        return look(*arguments)

    def writing(store: Store, kind: str, *, job_id: int | None = None) -> Any:
        if meanwhile:
            monkeypatch.undo()
            assert ingest.load(cat, [meanwhile.pop()]).counts == Counts(read=1, added=1)
        return write(store, kind, job_id=job_id)

    monkeypatch.setattr(chunks, "look_up", looking)
    monkeypatch.setattr(Store, "write", writing)
    assert ingest.load(cat, [ours]).counts == Counts(read=2, added=1, duplicate=1)
    assert rows(cat, "select count(*), count(distinct content_hash) from sample") == [(2, 2)]


def test_a_chunk_is_bounded_in_rows_and_in_bytes() -> None:
    def staged(rows: int, size_bytes: int) -> Staged:
        return Staged(1, rows, size_bytes)

    assert not chunks.fills_chunk([])
    assert not chunks.fills_chunk([staged(chunks.COMMIT_ROWS - 1, 1)])
    assert chunks.fills_chunk([staged(chunks.COMMIT_ROWS - 1, 1), staged(1, 1)])
    assert chunks.fills_chunk([staged(1, chunks.COMMIT_BYTES)])


def test_the_order_of_ingest_changes_no_content(tmp_path: Path, many: list[Path]) -> None:
    one, other = catalog.init(tmp_path / "one"), catalog.init(tmp_path / "other")
    ingest.load(one, many)
    for path in reversed(many):
        ingest.load(other, [path])
    hashes = "select content_hash, order_key from sample order by all"
    assert rows(one, hashes) == rows(other, hashes)
    pool = "select hash, source, sources from pool order by all"
    assert rows(one, pool) == rows(other, pool)


def test_progress_ends_with_all_rows(cat: Catalog, many: list[Path]) -> None:
    ticks: list[Tick] = []
    ingest.load(cat, many, progress=ticks.append)
    assert ticks[-1] == Tick("ingest", 1.0, {"rows": 600})


def test_a_row_over_the_limit_is_refused(cat: Catalog, write_jsonl: Write) -> None:
    path = write_jsonl("x.jsonl", [talk("a"), talk("b" * 500), talk("c")])
    report = ingest.load(cat, [path], source="s", max_row_bytes=300)
    assert report.counts == Counts(read=3, added=2, refused=1)
    assert rows(cat, "select line, reason, detail, length(raw) from rejection") == [
        (2, "row too large", "589 bytes, the limit is 300", 300)
    ]


def test_no_staged_file_is_left_behind(cat: Catalog, many: list[Path]) -> None:
    left = cat.home.staging / "job-77-dead"
    left.mkdir(parents=True)
    (left / "00000001.rows.arrow").touch()
    ingest.load(cat, many)
    assert list(cat.home.staging.glob("job-*")) == []


def test_a_job_that_does_not_fit_on_the_disk_says_so_first(
    cat: Catalog, many: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders.shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(StoreError, match=r"about 0\.0 GB of disk are needed, 0\.0 GB"):
        ingest.load(cat, many)
    assert rows(cat, "select * from sample") == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": " "}, "the source ' ' is empty or holds control characters"),
        ({"source": "a\nb"}, "the source 'a\\nb' is empty or holds control characters"),
        ({"revision": ""}, "the revision '' is empty or holds control characters"),
        ({"license": "\0"}, "the license '\\x00' is empty or holds control characters"),
        ({"format": "csv"}, "no format named 'csv'"),
    ],
)
def test_an_argument_that_cannot_be_used_is_an_error(
    cat: Catalog, write_jsonl: Write, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput) as found:
        ingest.load(cat, [write_jsonl("x.jsonl", [talk("a")])], **options)
    assert found.value.message == message
    assert cat.jobs() == []
