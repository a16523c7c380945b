"""Text and vectors destroyed: nothing of them is left in the home, and their history is."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import ingest
from catalog import Catalog, schema
from catalog.checking.files import unfinished_purge
from catalog.checking.vectors import broken_vectors
from catalog.cli import cli
from catalog.errors import CatalogError, HomeBusy, TextPurged
from catalog.jobs import job
from catalog.migrate import initialise
from catalog.purging.decisions import ERASED, KEPT, REFUSED, SWEPT
from catalog.purging.traces import Traces
from catalog.store import Store
from catalog.vectors import Vectors
from tests.conftest import talk
from tests.tiny import add_vectors

Write = Callable[..., Path]
SECRET = "Zwölf “quixotic” zebras\nhummed in B-flat\tunder the marmalade viaduct"
PIECE = "marmalade viaduct"
SAMPLES = 40
GONE = range(10)
"""The numbers of the samples that are to go."""


def content(number: int) -> str:
    return f"{SECRET}, number {number}." if number in GONE else f"Plain question {number}?"


def rows() -> list[dict[str, Any]]:
    return [talk(content(n), f"Answer {n}.", id=f"s{n}", remark=content(n)) for n in range(SAMPLES)]


@pytest.fixture
def stocked(tmp_path: Path, write_jsonl: Write, request: pytest.FixtureRequest) -> Catalog:
    """Forty samples, ten with the secret, which has found its way everywhere."""
    cat = Catalog(initialise(tmp_path / "home", compress=getattr(request, "param", False))[0])
    ingest.load(cat, [write_jsonl("a.jsonl", rows())], source="a")
    refused = [{"messages": [{"role": "user", "content": content(n)}]} for n in range(12)]
    path = write_jsonl("refused.jsonl", refused)
    path.write_text(path.read_text() + json.dumps(rows()[3])[:150])
    ingest.load(cat, [path], source="elsewhere", format="messages")
    cat.select("s", method="random", size=SAMPLES, note=f"all, even {SECRET}")
    cat.select("w", method="random", size=5, where=f"not contains(messages::varchar, '{PIECE}')")
    return cat


def run(cat: Catalog, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--home", str(cat.home.path), *words])


def forms(text: str) -> Iterator[bytes]:
    """Give a text as the ways in which files hold it."""
    for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
        yield text.encode(encoding)
    for ascii_only in (True, False):
        yield json.dumps(text, ensure_ascii=ascii_only)[1:-1].encode()


def files_with(home: Path, *needles: bytes) -> list[str]:
    found = []
    for path in sorted(home.rglob("*")):
        if path.is_file() and any(needle in path.read_bytes() for needle in needles):
            found.append(str(path.relative_to(home)))
    return found


def decoded(cat: Catalog, text: str) -> list[str]:
    """Name the columns of the database that hold a text, in whatever form."""
    import duckdb

    found = []
    with duckdb.connect(str(cat.home.database), read_only=True) as connection:
        columns = connection.execute(
            "select table_name, column_name from duckdb_columns() where not internal"
        ).fetchall()
        for table, column in columns:
            [(count,)] = connection.execute(
                f'select count(*) from "{table}" where contains("{column}"::varchar, $1)', [text]
            ).fetchall()
            if count:
                found.append(f"{table}.{column}")
    return found


def retire(cat: Catalog) -> None:
    done = cat.retire(where=f"contains(messages::varchar, '{PIECE}')", reason=f"for {SECRET}")
    assert done.samples == len(GONE)


def gone_ids(cat: Catalog) -> list[int]:
    return [r["sample_id"] for r in cat.sql("select sample_id from retired order by 1").to_pylist()]


@pytest.mark.parametrize("stocked", [False, True], indirect=True)
def test_no_byte_of_the_text_is_left_anywhere(stocked: Catalog) -> None:
    home = stocked.home
    assert decoded(stocked, PIECE)
    from catalog.training import SnapshotDataset

    SnapshotDataset("s@1", home=home.path)[0]
    cache = home.cache / "half.arrow"
    cache.write_bytes(SECRET.encode())
    (home.cache / ".half.arrow.77").write_bytes(SECRET.encode())
    (home.staging / "job-1-left").mkdir(parents=True)
    (home.staging / "job-1-left" / "00000001.rows.arrow").write_bytes(SECRET.encode())
    (home.path / "catalog.0004.before-0005.duckdb").write_bytes(SECRET.encode())
    (home.path / ".catalog.rewritten.duckdb.wal").write_bytes(SECRET.encode())
    assert files_with(home.path, *forms(PIECE))
    retire(stocked)
    done = stocked.purge()
    assert done.samples == len(GONE)
    assert done.emptied["rejection (detail, raw)"] == len(GONE) + 1
    assert done.emptied["sample_source (metadata)"] == len(GONE)
    assert done.emptied["snapshot (note)"] == 1
    assert files_with(home.path, *forms(PIECE), *forms("quixotic"), *forms("B-flat")) == []
    assert decoded(stocked, PIECE) == decoded(stocked, "quixotic") == []
    assert len(files_with(home.path, *forms("Plain question 33"))) == (
        0 if home.settings.compress else 1
    )
    kept = stocked.sql("select raw from rejection where raw != ''").to_pylist()
    assert len(kept) == 2
    assert stocked.sql("select count(*) as n from purged").to_pylist() == [{"n": len(GONE)}]


def test_what_was_purged_keeps_its_history(stocked: Catalog) -> None:
    retire(stocked)
    stocked.purge()
    found = stocked.verify("s@1")
    assert (found.members, found.problems, found.purged) == (SAMPLES, [], len(GONE))
    assert "the texts of 10 are gone" in run(stocked, "verify", "s").output
    [one] = stocked.sql("select hash from purged order by hash limit 1").to_pylist()
    for words in (
        ["show", "s"],
        ["show", "w"],
        ["audit", "sample", one["hash"]],
        ["explain", "s", "--sample", one["hash"]],
        ["diff", "s", "w"],
        ["status"],
        ["sql", "select * from purged"],
        ["export", "s", "--output", str(stocked.home.path.parent / "out.jsonl")],
        ["compare", "s"],
        ["reproduce", "s"],
    ):
        done = run(stocked, *words)
        assert done.exception is None or isinstance(done.exception, SystemExit), (words, done)
    from catalog.training import SnapshotDataset

    with pytest.raises(TextPurged, match="10 of the 40 members of s@1"):
        SnapshotDataset("s@1", home=stocked.home.path)


def test_a_purged_sample_neither_comes_back_nor_is_taken_in_again(
    stocked: Catalog, write_jsonl: Write
) -> None:
    retire(stocked)
    stocked.purge()
    again = ingest.load(stocked, [write_jsonl("a.jsonl", rows())], source="a")
    assert (again.counts.added, again.counts.duplicate, again.counts.retired) == (0, 40, 10)
    ingest.load(stocked, [write_jsonl("b.jsonl", rows())], source="b")
    assert decoded(stocked, PIECE) == []
    back = stocked.restore(where="true")
    assert (back.samples, len(back.purged)) == (0, 10)
    refused = run(stocked, "retire", "--restore", "--source", "b")
    assert refused.exit_code == 1 and "the text was purged" in refused.output
    assert stocked.sql("select count(*) as n from pool").to_pylist() == [{"n": 30}]


def test_vectors_leave_every_space_every_version_and_every_index(stocked: Catalog) -> None:
    import lancedb
    from lancedb.index import IvfFlat

    home = stocked.home
    ids = [
        r["sample_id"] for r in stocked.sql("select sample_id from sample order by 1").to_pylist()
    ]
    random = np.random.default_rng(0)
    made = {}
    for name, dtype in (("one", "float32"), ("two", "float16")):
        vectors = {i: random.normal(size=16) for i in ids}
        made[name] = add_vectors(stocked, name, vectors, {1: [1.0] * 16}, dtype)  # type: ignore[arg-type]
    table = lancedb.connect(home.vectors).open_table(made["one"].space.table_name)
    table.create_index("vector", config=IvfFlat(distance_type="cosine", num_partitions=1))
    table.tags.create("kept", table.version)
    retire(stocked)
    gone = gone_ids(stocked)
    needles = [
        Vectors(home, named.space, "sample").of([i])[0].astype(named.space.stored_dtype).tobytes()
        for named in made.values()
        for i in gone
    ]
    assert files_with(home.path, *needles)
    done = stocked.purge()
    assert done.vectors == {made[name].space.table_name: 10 for name in made}
    assert done.indexes == ["one"]
    assert files_with(home.path, *needles) == []
    assert stocked.indexes() == []
    for named in made.values():
        kept = Vectors(home, named.space, "sample").facts()["sample_id"].to_pylist()
        assert sorted(kept) == sorted(set(ids) - set(gone))
    assert len(stocked.search(like="s20", space="one", k=3).samples) == 3
    with pytest.raises(TextPurged, match="was purged: its vectors are gone"):
        stocked.search(like=f"s{min(GONE)}", space="one", k=3)


def test_only_what_is_meant_and_retired_is_purged(stocked: Catalog, tmp_path: Path) -> None:
    retire(stocked)
    (tmp_path / "ids.txt").write_text("s0\ns1\ns20\n")
    assert stocked.plan_purge(ids=tmp_path / "ids.txt").samples == 2
    assert stocked.purge(ids=tmp_path / "ids.txt").samples == 2
    assert stocked.plan_purge().samples == 8
    assert stocked.sql("select count(*) as n from pool").to_pylist() == [{"n": 30}]
    assert "sample.messages" in decoded(stocked, f"{PIECE}, number 5")


def test_what_is_out_of_reach_is_listed(stocked: Catalog, write_jsonl: Write) -> None:
    home, outside = stocked.home, stocked.home.path.parent
    ingest.add_task(stocked, "leak", write_jsonl("task.jsonl", [talk(content(2))]))
    stocked.backup(outside / "copy")
    (home.path / "mine.txt").write_text("whatever")
    home.queries.mkdir(exist_ok=True)
    (home.queries / "own.sql").write_text(f"-- {content(4)}\nselect sample_id from pool")
    with Store(home).read() as reader:
        snapshot_id = reader.value("select snapshot_id from snapshot where name = 's'")
    with Store(home).write("export") as transaction:
        transaction.insert(
            schema.export,
            {
                "export_id": 1,
                "snapshot_id": snapshot_id,
                "format": "jsonl",
                "path": "/elsewhere/s.jsonl",
                "rows": 40,
                "exported_at": datetime(2025, 1, 2, tzinfo=UTC),
            },
        )
    retire(stocked)
    told = stocked.plan_purge().beyond
    assert told == stocked.purge().beyond
    assert told[0] in stocked.purge().beyond  # also if the first had been killed
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert told == [
        "export of s@1 (jsonl): /elsewhere/s.jsonl, written 2025-01-02",
        f"backup: {outside / 'copy'}, made {today}",
        "query 0 of leak (revision 1) says the same, and stays: it is no sample",
        f"{home.queries / 'own.sql'} repeats some of it: it is yours to change",
        f"{home.path / 'mine.txt'} is not the catalog's: look whether it holds a copy",
    ]


def test_exports_of_deleted_snapshots_are_told_and_later_ones_are_not(
    stocked: Catalog, tmp_path: Path
) -> None:
    stocked.select("d", method="random", size=3)
    stocked.export("d", tmp_path / "d.jsonl")
    stocked.delete("d@1")
    retire(stocked)
    [told] = stocked.purge().beyond
    assert told.startswith(f"export of d@1 (jsonl): {tmp_path / 'd.jsonl'}, written")
    assert told.endswith(": the snapshot is deleted, so look whether it holds any")
    stocked.export("s", tmp_path / "s.jsonl", skip_purged=True)
    assert stocked.purge().beyond == [told]


def test_the_command_asks_first(stocked: Catalog) -> None:
    retire(stocked)
    planned = run(stocked, "purge", "--dry-run")
    assert "to be destroyed: the text and vectors of 10 samples" in planned.output
    refused = CliRunner().invoke(cli, ["--home", str(stocked.home.path), "purge"], input="n\n")
    assert refused.exit_code == 1
    assert decoded(stocked, PIECE)
    assert run(stocked, "purge", "--json").exit_code == 2
    done = run(stocked, "purge", "--yes", "--json")
    assert json.loads(done.output)["samples"] == 10
    assert "no retired sample still has text" in run(stocked, "purge", "--dry-run").output
    before = stocked.home.database.stat()
    again = run(stocked, "purge")
    assert (again.exit_code, "written anew" in again.output) == (0, False)
    after = stocked.home.database.stat()
    assert (after.st_ino, after.st_size) == (before.st_ino, before.st_size)


def test_a_purge_waits_for_no_job_that_may_have_read_the_text(stocked: Catalog) -> None:
    retire(stocked)
    with (
        suppress(CatalogError),
        job(stocked.home, "embed", {}, "x"),
        pytest.raises(HomeBusy, match="embed"),
    ):
        stocked.purge()
    assert decoded(stocked, PIECE)


def test_a_purge_waits_for_those_who_read(stocked: Catalog) -> None:
    retire(stocked)
    code = (
        "import sys, time; from catalog.home import Home; from catalog.store import Store\n"
        "with Store(Home.at(sys.argv[1])).read() as reader:\n"
        "    print('reading', flush=True); time.sleep(1.0)\n"
        "    print(reader.value('select count(*) from sample'), flush=True)\n"
    )
    words = [sys.executable, "-c", code, str(stocked.home.path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as reading:
        assert reading.stdout is not None and reading.stdout.readline() == "reading\n"
        stocked.purge()
        assert reading.stdout.readline() == "40\n"
    assert decoded(stocked, PIECE) == []


KILLED = """
import sys, os, signal
import catalog
from catalog.purging import purging, rewriting, vectors
place, name, when = sys.argv[1:4]
module = {"purging": purging, "rewriting": rewriting, "vectors": vectors}[name.split(".")[0]]
real = getattr(module, name.split(".")[1])
def dies(*given, **named):
    if when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    found = real(*given, **named)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(module, name.split(".")[1], dies)
catalog.open(place).purge()
"""


@pytest.mark.parametrize(
    ("place", "when"),
    [
        ("purging.erase", "after"),
        ("rewriting._require_same", "after"),
        ("rewriting._sync", "before"),
        ("vectors._remove_stray", "before"),
        ("purging._clear_vectors", "after"),
    ],
)
def test_killed_anywhere_and_run_again_it_finishes(
    stocked: Catalog, write_jsonl: Write, place: str, when: str
) -> None:
    ingest.add_task(stocked, "t", write_jsonl("t.jsonl", [talk("What?")]))
    ids = [r["sample_id"] for r in stocked.sql("select sample_id from sample").to_pylist()]
    named = add_vectors(stocked, "one", {i: [i, 1.0, 2.0, 3.0] for i in ids}, {1: [1.0, 0, 0, 0]})
    retire(stocked)
    needles = [
        Vectors(stocked.home, named.space, "sample").of([i])[0].tobytes() for i in gone_ids(stocked)
    ]
    before = stocked.snapshots()
    killed = subprocess.run([sys.executable, "-c", KILLED, str(stocked.home.path), place, when])
    assert killed.returncode == -signal.SIGKILL
    assert stocked.verify("s@1").problems == []
    assert stocked.plan_purge().unfinished
    stocked.purge()
    assert files_with(stocked.home.path, *forms(PIECE), *needles) == []
    assert not stocked.plan_purge().unfinished
    assert [row["digest"] for row in stocked.snapshots()] == [row["digest"] for row in before]
    assert list(unfinished_purge(stocked.home)) + list(broken_vectors(stocked.home)) == []


def test_every_column_that_can_hold_text_is_decided_on() -> None:
    undecided = []
    for table in schema.metadata.sorted_tables:
        for column in table.columns:
            if str(column.type) in ("TEXT", "JSON") or isinstance(column.type, schema.Messages):
                decided = column.name in (
                    *ERASED.get(table.name, ()),
                    *REFUSED.get(table.name, ()),
                    *SWEPT.get(table.name, ()),
                )
                if not decided and table.name not in KEPT:
                    undecided.append(f"{table.name}.{column.name}")
    assert undecided == []


def test_a_quotation_is_found_in_what_it_quotes() -> None:
    traces = Traces(["contains(messages, 'marmalade viaduct')", "a = 'question'"], cautious=False)
    assert traces.find(SECRET) == {0}
    assert traces.find("a marmalade question") == set()


@pytest.mark.parametrize(
    ("value", "text", "cautious", "found"),
    [
        ('{"a": "one two three four"}', "zero one two three", True, True),
        ('{"a": "one two three four"}', "zero one two three", False, False),
        ('{"a": "caf\\u00e9 one\\ntwo"}', "le café one two", True, True),
        ('{"a": "caf\\u00e9 one\\nt', "café one t", True, False),
        ("mail me@example.org", "ask me@example.org", True, True),
        ('{"a": "Yes."}', "Yes.", True, True),
        ("sure: Yes.", "Yes.", True, False),
        (
            "he said one two three four five six seven eight nine",
            "one two three four five",
            False,
            True,
        ),
        ("他说这是一个很长的句子吗", "这是一个很长的句子", True, True),
    ],
)
def test_a_trace_is_a_run_of_words(value: str, text: str, cautious: bool, found: bool) -> None:
    assert bool(Traces([value], cautious=cautious).find(text)) is found
