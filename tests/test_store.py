"""DuckDB behind the home's lock: short reads, atomic writes, a sandbox, and errors of ours."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

import catalog
from catalog import Catalog, schema
from catalog.connection import ROW_GROUP_ROWS, mapped_errors
from catalog.errors import HomeBusy, InvalidInput, InvalidQuery, StoreError
from catalog.home import Home, Settings
from catalog.store import Store, scratch

PROJECT = Path(__file__).parents[1]


@pytest.fixture
def store(cat: Catalog) -> Store:
    return Store(cat.home)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A home that several tests only read."""
    return Store(catalog.init(tmp_path_factory.mktemp("store") / "home").home)


def retirements(*ids: int) -> pa.Table:
    return pa.table({"sample_id": ids, "retired": [True] * len(ids), "reason": ["r"] * len(ids)})


def test_every_write_is_a_change_and_its_rows_carry_it(store: Store) -> None:
    for expected in (1, 2):
        with store.write("test", job_id=7) as transaction:
            assert transaction.change_id == expected
            assert transaction.insert_arrow(schema.retirement, retirements(expected)) == 1
    with store.read() as reader:
        assert reader.clock() == 2
        assert reader.rows("select change_id, kind, job_id from change order by 1") == [
            {"change_id": 1, "kind": "test", "job_id": 7},
            {"change_id": 2, "kind": "test", "job_id": 7},
        ]
        assert reader.rows("select sample_id, change_id from retirement order by 1") == [
            {"sample_id": 1, "change_id": 1},
            {"sample_id": 2, "change_id": 2},
        ]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_undoes_the_whole_transaction(store: Store, error: type[BaseException]) -> None:
    with pytest.raises(error), store.write("test") as transaction:
        transaction.insert_arrow(schema.retirement, retirements(1))
        raise error
    with store.read() as reader:
        assert reader.value("select count(*) from retirement") == 0
        assert reader.clock() == 0


def test_a_failed_commit_says_why(store: Store) -> None:
    with pytest.raises(duckdb.ConstraintException), store.write("test") as transaction:
        transaction.connection.execute("insert into retirement (sample_id) values (1)")


def test_rows_come_as_dictionaries_arrow_batches_or_one_value(untouched: Store) -> None:
    with untouched.read() as reader:
        statement = "select range as n from range($count)"
        assert reader.rows(statement, count=2) == [{"n": 0}, {"n": 1}]
        assert reader.row(statement, count=1) == {"n": 0}
        assert reader.row(statement, count=0) is None
        assert reader.value("select 42") == 42
        assert reader.arrow(statement, count=3)["n"].to_pylist() == [0, 1, 2]
        sizes = [batch.num_rows for batch in reader.batches(statement, 2048, count=5000)]
        assert sum(sizes) == 5000
        assert max(sizes) <= 2048
        reader.register("given", pa.table({"x": [1, 2]}))
        assert reader.value("select sum(x) from given") == 3


def test_sqlalchemy_statements_are_run_in_the_transaction(store: Store) -> None:
    from sqlalchemy import update

    with store.write("test") as transaction:
        values = {
            "name": "s",
            "revision": "main",
            "uri": None,
            "license": "it's",
            "format": "messages",
        }
        transaction.insert(
            schema.source, {"source_id": transaction.next_id(schema.source), **values}
        )
        assert transaction.next_id(schema.source) == 2
        changed = update(schema.source).where(schema.source.c.name == "s").values(uri="u'); drop")
        assert transaction.run(changed) == 1
        assert transaction.row("select * from source") == {
            "source_id": 1,
            **values,
            "uri": "u'); drop",
            "change_id": 1,
        }


def test_what_a_transaction_makes_is_gone_after_it(store: Store) -> None:
    with store.write("test") as transaction:
        transaction.make("kept", "select $x as x", x=1)
        transaction.make("kept", "select $x + 1 as x", x=1)
        assert transaction.value("select x from kept") == 2
    with store.read() as reader, pytest.raises(duckdb.CatalogException):
        reader.value("select x from kept")


@pytest.mark.parametrize(
    "statement",
    [
        "select * from read_csv('/etc/passwd')",
        "select * from read_text('/etc/passwd')",
        "select * from '/etc/passwd'",
        "select * from glob('/*')",
        "select getenv('HOME')",
        "select * from nowhere",
        "select 1 / 'x'",
    ],
)
def test_the_sandbox_reaches_nothing_outside(untouched: Store, statement: str) -> None:
    with pytest.raises(InvalidQuery) as found, untouched.sandbox() as reader:
        reader.rows(statement)
    assert "show all tables" in (found.value.hint or "")


@pytest.mark.parametrize(
    "statement",
    [
        "insert into change values (1, 'x', null, now())",
        "create table x (y integer)",
        "drop table sample",
    ],
)
def test_a_reader_cannot_write(untouched: Store, statement: str) -> None:
    with untouched.read() as reader, pytest.raises(duckdb.InvalidInputException, match="read-only"):
        reader.rows(statement)


def test_a_reader_cannot_open_the_outside_again(untouched: Store) -> None:
    with untouched.read() as reader, pytest.raises(duckdb.InvalidInputException):
        reader.rows("set enable_external_access = true")


def test_scratch_computes_over_tables_and_reaches_nothing_else() -> None:
    with scratch({"given": pa.table({"x": [1, 2]})}, "100MB") as reader:
        assert reader.value("select sum(x) from given") == 3
        with pytest.raises(duckdb.PermissionException):
            reader.rows("select * from read_csv('/etc/passwd')")


def damage(content: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content(path.read_bytes()))


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (Path.unlink, "is gone"),
        (damage(lambda whole: b""), "is not a valid DuckDB database file"),
        (damage(lambda whole: os.urandom(9999)), "is not a valid DuckDB database file"),
        (damage(lambda whole: whole[:20000]), "DuckDB cannot use"),
        (damage(lambda whole: whole[:12288] + b"\0" * 500 + whole[12788:]), "DuckDB cannot use"),
    ],
)
def test_a_damaged_file_is_an_error_that_leads_to_a_backup(
    cat: Catalog, harm: Callable[[Path], Any], message: str
) -> None:
    harm(cat.home.database)
    for opened in (Store(cat.home).read, lambda: Store(cat.home).write("test")):
        with pytest.raises(StoreError) as found, opened() as reader:
            reader.rows("select * from sample")
        assert message in found.value.message
        assert "catalog restore" in (found.value.hint or "")


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (
            duckdb.TransactionException("write: No space left on device"),
            StoreError,
            "the disk is full",
        ),
        (duckdb.OutOfMemoryException("x"), StoreError, "DuckDB ran out of memory"),
        (duckdb.FatalException("failed to pin block"), StoreError, "DuckDB ran out of memory"),
        (duckdb.FatalException("x"), StoreError, "DuckDB cannot use f.duckdb"),
        (duckdb.IOException("checksum of block"), StoreError, "DuckDB cannot use f.duckdb"),
        (duckdb.IOException("Could not set lock"), HomeBusy, "another program has f.duckdb open"),
        (duckdb.BinderException("x"), duckdb.BinderException, "x"),
    ],
)
def test_errors_of_the_machine_become_ours_and_bugs_stay_bugs(
    error: duckdb.Error, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message), mapped_errors("f.duckdb"):
        raise error


def test_a_file_that_is_gone_is_not_made_anew(cat: Catalog) -> None:
    cat.home.database.unlink()
    with pytest.raises(StoreError), Store(cat.home).write("test"):
        pass
    assert not cat.home.database.exists()


def test_another_program_with_the_file_open_is_named(cat: Catalog) -> None:
    script = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); input()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(cat.home.database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "open\n"
    with pytest.raises(HomeBusy, match="another program has") as found, Store(cat.home).read():
        pass
    process.communicate("\n")
    assert str(process.pid) in found.value.message
    assert found.value.hint == "Close it, then try again."


@pytest.mark.parametrize(("limit", "error"), [("banana", InvalidInput), ("1KB", StoreError)])
def test_a_memory_limit_that_does_not_work_is_an_error_that_names_it(
    cat: Catalog, limit: str, error: type[Exception]
) -> None:
    home = Home(cat.home.path, Settings(memory_limit=limit))
    with pytest.raises(error, match="memory") as found, Store(home).read() as reader:
        reader.rows("select * from range(1000000) order by hash(range)")
    assert "memory_limit" in f"{found.value} {getattr(found.value, 'hint', '')}"


@pytest.mark.parametrize("compress", [True, False])
def test_text_is_compressed_unless_the_home_says_otherwise(cat: Catalog, compress: bool) -> None:
    home = Home(cat.home.path, Settings(compress=compress))
    secret = "a rare phrase that is looked for in the file. "
    with Store(home).write("test") as transaction:
        values = {"file": "f", "line": 1, "reason": "r", "raw": secret * 2000}
        transaction.insert(schema.rejection, *[{"job_id": n, **values} for n in range(20)])
    assert (secret.encode() * 9 in home.database.read_bytes()) == (not compress)


def test_a_read_inside_another_shares_its_lock_and_connection(cat: Catalog) -> None:
    store = Store(cat.home)
    with store.read() as outer:
        with store.read() as inner, Store(cat.home, as_of=0).read() as past:
            assert inner.connection is outer.connection
            assert past.connection is not outer.connection
            assert (outer.clock(), past.clock()) == (outer.clock(), 0)
        assert outer.value("select 1") == 1
        with pytest.raises(HomeBusy), cat.home.lock("room").held(exclusive=True, timeout_seconds=0):
            pass
    with cat.home.lock("room").held(exclusive=True, timeout_seconds=0):
        assert store is not None


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="tells by Linux's /proc")
def test_between_reads_the_file_is_closed(cat: Catalog) -> None:
    def opened() -> int:
        places = [os.path.realpath(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")]
        return places.count(str(cat.home.database))

    with Store(cat.home).read(), ThreadPoolExecutor(1) as beside:
        assert beside.submit(_samples, cat).result() == 0
        assert opened() == 1
    assert opened() == 0


def _samples(cat: Catalog) -> int:
    with Store(cat.home).read() as reader:
        return int(reader.value("select count(*) from sample"))


def test_a_forked_process_reads_as_its_parent_does(cat: Catalog) -> None:
    assert _samples(cat) == 0
    child = os.fork()
    if not child:
        os._exit(_samples(cat) + 7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert _samples(cat) == 0


KILLED_IN_A_CHECKPOINT = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("set debug_checkpoint_scan_sleep_ms = 60000")
connection.execute("set wal_autocheckpoint = '1TB'")
connection.execute("insert into change select n, 'x', null, now() from range(5000) as r(n)")
print("now", flush=True)
connection.execute("checkpoint")
"""


def test_a_file_whose_writer_was_killed_in_a_checkpoint_is_read(cat: Catalog) -> None:
    script = [sys.executable, "-c", KILLED_IN_A_CHECKPOINT, str(cat.home.database)]
    process = subprocess.Popen(script, stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.readline()
    wal = Path(f"{cat.home.database}.wal")
    size, deadline = wal.stat().st_size, time.monotonic() + 10
    while wal.exists() and wal.stat().st_size == size and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)
    process.kill()
    process.communicate()
    with Store(cat.home).read() as reader:
        assert reader.value("select count(*) from change where kind = 'x'") == 5000
    with Store(cat.home).write("test") as transaction:
        assert transaction.change_id == 5000


def test_after_a_damaged_file_is_mended_it_is_read_again(cat: Catalog) -> None:
    whole = cat.home.database.read_bytes()
    assert _samples(cat) == 0
    cat.home.database.write_bytes(b"x" * len(whole))
    with pytest.raises(StoreError, match="is not a valid DuckDB database file"):
        _samples(cat)
    cat.home.database.write_bytes(whole)
    assert _samples(cat) == 0


def test_row_groups_are_small_also_in_a_file_that_has_larger_ones(store: Store) -> None:
    sizes = "select sum(count) from pragma_storage_info('retirement') where column_name = 'retired'"
    sizes += " and segment_type != 'VALIDITY' group by row_group_id order by row_group_id"
    columns = "insert into retirement by name select range as sample_id, 1 as change_id"
    with closing(duckdb.connect(store._home.database)) as connection:
        connection.execute(f"{columns}, true as retired, 'r' as reason from range(100_000)")
    with store.write("test") as transaction:
        transaction.use_threads(1)
        transaction.insert_arrow(schema.retirement, retirements(*range(2 * ROW_GROUP_ROWS)))
    with closing(duckdb.connect(store._home.database, read_only=True)) as connection:
        found = [size for (size,) in connection.execute(sizes).fetchall()]
    assert found == [100_000, ROW_GROUP_ROWS, ROW_GROUP_ROWS]
