"""A home is brought to the newest schema revision, whole, with a copy of what it was."""

import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
import sqlalchemy.exc
from duckdb_engine import Dialect
from sqlalchemy import Column

import catalog
import ingest
from catalog import migrate, schema
from catalog.connection import ROW_GROUP_ROWS, connect
from catalog.errors import HomeError, HomeRevision, StoreError
from catalog.home import DEFAULT_SETTINGS, SETTINGS, Home, Settings
from catalog.migrate import current, initialise, newest, require_newest, upgrade
from tests.conftest import talk

PROJECT = Path(__file__).parents[1]
COLUMNS = """
select table_name, column_name, data_type, is_nullable
from duckdb_columns()
where not internal and table_name != 'alembic_version'
order by table_name, column_index
"""
FILL = """
insert into change values (1, 'ingest', 1, now());
insert into source values (1, 's', 'main', null, 'MIT', 'messages', 1);
insert into sample values (1, '\\x01'::blob, 7,
    [{role: 'user', content: 'q', extra: '{"name": "ann"}'}], null, 1, 1, 1);
insert into sample_source values (1, 1, 'a', 'x.jsonl', 1, '{"k": 1}', 1, 1);
insert into retirement values (1, true, 'test', 1);
"""
APPEARED = """
insert into change values (2, 'ingest', 1, now()), (3, 'ingest', 2, now());
insert into source values (2, 'r', 'main', null, null, 'messages', 2);
insert into sample select i, i::varchar::blob, i, [], null, 1, 1, if(i = 4, 1, 2)
    from range(2, 5) as t(i);
insert into sample_source values
    (2, 1, null, 'y.jsonl', 9, null, 2, 3), (2, 2, null, 'y.jsonl', 8, null, 1, 2),
    (2, 1, null, 'y.jsonl', 1, null, 1, 2), (3, 1, null, 'y.jsonl', 2, null, 1, 2),
    (3, 1, null, 'y.jsonl', 2, null, 1, 2), (1, 2, null, 'y.jsonl', 3, null, 2, 3);
"""
WORKED_OUT = {"sample": ["source_id"], "sample_source": ["repeated"]}
TRAINED = """
insert into change values (2, 'runs', null, now()), (3, 'runs', null, now()),
    (4, 'runs', null, now());
insert into snapshot by name select 1 as snapshot_id, 'math' as name, 2 as version,
    'random' as method, 'select 1' as rule, '{}' as recipe, 1 as size, 7 as seed,
    '[]' as tasks, 'd1' as digest, 1 as pool_change_id,
    now() as created_at, 'x' as software_version, 2 as change_id;
insert into run values (1, 'tuned', 'tiny', 1, '{"run": "tuned"}', '2024-01-01', 2);
insert into run values (2, 'idle', null, null, '{"run": "idle"}', '2024-01-02', 2);
insert into ledger_segment values (1, '0000-0000-00000000.arrow', 'aa', 4, 3);
insert into ledger_segment values (1, '0000-0001-00000000.arrow', 'bb', 1, 3);
insert into ledger_segment values (1, '0001-0000-00000000.arrow', 'cc', 1, 4);
insert into exposure values
    (1, 0, 1, 0, 0, 0, 1, null, 3), (1, 0, 1, 1, 0, 0, null, '\\x0A'::blob, 3),
    (1, 0, 2, 0, 0, 0, null, '\\x0A'::blob, 3), (1, 0, 2, 0, 0, 1, 1, null, 3),
    (1, 0, 3, 0, 1, 0, null, '\\x0B'::blob, 3), (1, 1, 3, 0, 0, 0, 1, null, 4);
insert into evaluation values (1, 'gsm8k', 'acc', 0.5, 4);
"""


def old_home(folder: Path, revision: str = "0001") -> Home:
    """A home of an older revision, with a row in some of its tables."""
    folder.mkdir()
    home = Home(folder, Settings())
    upgrade(home, to=revision)
    with closing(duckdb.connect(str(home.database))) as connection:
        for statement in duckdb.extract_statements(FILL):
            connection.execute(statement)
    (folder / SETTINGS).write_text(DEFAULT_SETTINGS)
    return home


def everything(database: Path, tables: list[str]) -> list[list[tuple[object, ...]]]:
    """What the tables hold, but for what revision 0006 works out of it."""
    with closing(duckdb.connect(str(database), read_only=True)) as connection:
        found = []
        for table in tables:
            shown = f"columns(lambda name: name not in {WORKED_OUT.get(table, [])})"
            found.append(connection.execute(f"select {shown} from {table} order by all").fetchall())
        return found


def tables_of(database: Path) -> list[str]:
    with closing(duckdb.connect(str(database), read_only=True)) as connection:
        found = connection.execute("select table_name from duckdb_tables() order by 1").fetchall()
    return [name for (name,) in found if name != "alembic_version"]


def declaration(column: Column[Any]) -> str:
    """A column as SQL declares it."""
    return f'"{column.name}" {column.type.compile(Dialect())}' + " not null" * (not column.nullable)


def test_a_migrated_home_has_exactly_the_tables_of_the_schema(cat: catalog.Catalog) -> None:
    with closing(duckdb.connect()) as declared:
        for table in schema.metadata.sorted_tables:
            columns = ", ".join(map(declaration, table.columns))
            declared.execute(f"create table {table.name} ({columns})")
        expected = declared.execute(COLUMNS).fetchall()
    with closing(duckdb.connect(str(cat.home.database), read_only=True)) as migrated:
        found = migrated.execute(COLUMNS).fetchall()
    assert found == expected
    assert len(found) > 100


def test_every_row_but_those_of_change_carries_a_change() -> None:
    without = [name for name, table in schema.metadata.tables.items() if "change_id" not in table.c]
    assert without == []


def test_upgrading_keeps_the_data_and_copies_the_file_aside(tmp_path: Path) -> None:
    home = old_home(tmp_path / "home")
    tables = tables_of(home.database)
    before = everything(home.database, tables)
    assert sum(map(len, before)) == 5
    copy = upgrade(home)
    assert copy == home.path / f"catalog.0001.before-{newest()}.duckdb"
    assert current(home) == newest()
    assert everything(home.database, tables) == before
    assert everything(copy, tables) == before
    assert tables_of(copy) == tables
    catalog.open(home.path)
    assert upgrade(home) is None


def test_upgrading_leaves_row_groups_as_they_are(tmp_path: Path) -> None:
    def groups() -> list[tuple[int, ...]]:
        with closing(duckdb.connect(home.database, read_only=True)) as connection:
            return connection.execute(
                "select row_group_id, sum(count) from pragma_storage_info('retirement') "
                "where column_name = 'retired' group by row_group_id order by row_group_id"
            ).fetchall()

    home = old_home(tmp_path / "home")
    with closing(connect(home)) as connection:
        connection.execute("set threads = 1")
        connection.execute(
            "insert into retirement select range, true, 'test', 1 from range($1)",
            [2 * ROW_GROUP_ROWS],
        )
    before = groups()
    assert len(before) > 1
    upgrade(home)
    assert groups() == before


def test_an_upgraded_home_is_the_same_as_a_new_one(tmp_path: Path, cat: catalog.Catalog) -> None:
    home = old_home(tmp_path / "old")
    upgrade(home)
    with (
        closing(duckdb.connect(str(home.database), read_only=True)) as old,
        closing(duckdb.connect(str(cat.home.database), read_only=True)) as new,
    ):
        assert old.execute(COLUMNS).fetchall() == new.execute(COLUMNS).fetchall()
    path = tmp_path / "x.jsonl"
    path.write_text('{"messages": [{"role": "user", "content": "a"}]}')
    assert ingest.load(catalog.open(home.path), [path], source="s").counts.refused == 1


def test_what_older_ledgers_gave_is_taken_over(tmp_path: Path) -> None:
    home = old_home(tmp_path / "home", "0004")
    with closing(duckdb.connect(str(home.database))) as connection:
        for statement in duckdb.extract_statements(TRAINED):
            connection.execute(statement)
    upgrade(home)

    def rows(statement: str) -> list[tuple[object, ...]]:
        found = catalog.open(home.path).sql(statement).to_pylist()
        return [tuple(row.values()) for row in found]

    assert rows("select sample_id, content_hash from unknown_sample order by 1") == [
        (-2, b"\x0b"),
        (-1, b"\x0a"),
    ]
    assert rows("select attempt, step, rank, position, sample_id from exposure order by all") == [
        (0, 1, 0, 0, 1),
        (0, 1, 0, 1, -1),
        (0, 2, 0, 0, -1),
        (0, 2, 1, 0, 1),
        (0, 3, 0, 0, -2),
        (1, 3, 0, 0, 1),
    ]
    assert rows("select attempt, rank, step, exposures from training_step order by all") == [
        (0, 0, 1, 2),
        (0, 0, 2, 1),
        (0, 0, 3, 1),
        (0, 1, 2, 1),
        (1, 0, 3, 1),
    ]
    assert rows("select run_id, reference, digest from run_snapshot") == [(1, "math@2", "d1")]
    tree = "select attempt, parent_attempt, parent_step, assumed from attempt order by all"
    assert rows(tree) == [(0, None, 0, True), (1, 0, 2, True)]
    segments = "select kind, attempt, rank, rows, problem from ledger_segment order by all"
    assert rows(segments) == [
        ("exposures", 0, 0, 4, None),
        ("exposures", 0, 1, 1, None),
        ("exposures", 1, 0, 1, None),
    ]
    assert rows("select benchmark, value, step, settings from evaluation") == [
        ("gsm8k", 0.5, None, "{}")
    ]
    cat = catalog.open(home.path)
    assert [(row["name"], row["coverage"]) for row in cat.runs()] == [
        ("idle", None),
        ("tuned", None),
    ]
    assert cat.import_runs().problems == []  # and what is recorded of old runs is worked out
    assert rows(tree) == [(0, None, 0, True), (1, 0, 2, True)]
    covered = "select attempt, last_step, recorded_steps, exposures from run_coverage order by all"
    assert rows(covered) == [(0, 3, 1, 5), (1, 3, 2, 5)]
    clock = rows("select max(change_id) from change")
    cat.import_runs()
    assert rows("select max(change_id) from change") == clock


def test_what_brought_every_sample_is_found_in_what_was_there(tmp_path: Path) -> None:
    home = old_home(tmp_path / "home", "0005")
    with closing(duckdb.connect(str(home.database))) as connection:
        for statement in duckdb.extract_statements(APPEARED):
            connection.execute(statement)
    upgrade(home)
    cat = catalog.open(home.path)
    brought = cat.sql("select sample_id, source_id, change_id from sample order by 1").to_pylist()
    assert [tuple(row.values()) for row in brought] == [(1, 1, 1), (2, 2, 2), (3, 1, 2), (4, 0, 1)]
    appeared = "select sample_id, source_id, line, repeated, change_id from sample_source"
    found = cat.sql(f"{appeared} order by rowid").to_pylist()
    assert [tuple(row.values()) for row in found] == [
        (1, 1, 1, False, 1),
        (2, 1, 9, True, 3),
        (2, 2, 8, False, 2),
        (2, 1, 1, True, 2),
        (3, 1, 2, False, 2),
        (3, 1, 2, True, 2),
        (1, 2, 3, True, 3),
    ]
    named = "select sample_id, source, sources from pool order by sample_id"
    assert [tuple(row.values()) for row in cat.sql(named).to_pylist()] == [
        (2, "r", ["r", "s"]),
        (3, "s", ["s"]),
        (4, None, None),
    ]


def test_an_upgrade_that_fails_changes_nothing(tmp_path: Path) -> None:
    home = old_home(tmp_path / "home", "0005")
    with closing(duckdb.connect(str(home.database))) as connection:
        connection.execute("create index kept on sample_source (line)")  # no table is altered then
    tables = tables_of(home.database)
    before = everything(home.database, tables)
    with pytest.raises(sqlalchemy.exc.SQLAlchemyError):
        upgrade(home)
    assert current(home) == "0005"
    assert everything(home.database, tables) == before


def test_an_older_home_says_how_to_upgrade(tmp_path: Path) -> None:
    home = old_home(tmp_path / "home", "0002")
    with pytest.raises(HomeRevision) as found:
        catalog.open(home.path)
    assert found.value.message == (
        f"the home at {home.path} has schema revision 0002, this library needs {newest()}"
    )
    assert found.value.hint == (
        f"Upgrade it with `catalog --home {home.path} migrate`; the file is copied first."
    )


def test_a_newer_home_is_refused_and_left_alone(cat: catalog.Catalog) -> None:
    with closing(duckdb.connect(str(cat.home.database))) as connection:
        connection.execute("update alembic_version set version_num = '9999'")
    before = cat.home.database.read_bytes()
    for attempt in (require_newest, upgrade):
        with pytest.raises(HomeRevision) as found:
            attempt(cat.home)
        assert "has schema revision 9999, newer than" in found.value.message
        assert found.value.hint == "Upgrade with `pip install --upgrade instruct-catalog`."
    with pytest.raises(HomeRevision):
        catalog.init(cat.home.path)
    assert cat.home.database.read_bytes() == before


def test_what_a_killed_writer_had_committed_is_in_the_copy(tmp_path: Path) -> None:
    home = old_home(tmp_path / "home")
    script = """
import duckdb, os, signal, sys
connection = duckdb.connect(sys.argv[1])
connection.execute("insert into retirement values (2, true, 'just committed', 2)")
os.kill(os.getpid(), signal.SIGKILL)
"""
    process = subprocess.run([sys.executable, "-c", script, str(home.database)], check=False)
    assert process.returncode == -signal.SIGKILL
    assert home.database.with_name("catalog.duckdb.wal").exists()
    copy = upgrade(home)
    assert copy
    rows = everything(home.database, ["retirement"])
    assert len(rows[0]) == 2
    assert everything(copy, ["retirement"]) == rows


def test_nothing_is_upgraded_without_room_for_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = old_home(tmp_path / "home")
    monkeypatch.setattr(migrate.shutil, "disk_usage", lambda path: SimpleNamespace(free=10))
    with pytest.raises(StoreError, match="are needed beside"):
        upgrade(home)
    assert current(home) == "0001"


def test_init_makes_a_home_once(tmp_path: Path) -> None:
    home, made = initialise(tmp_path / "home")
    assert made
    assert (home.path / SETTINGS).read_text() == DEFAULT_SETTINGS
    (home.path / SETTINGS).write_text("lock_timeout_seconds = 5\n")
    again, made = initialise(tmp_path / "home")
    assert (made, again.settings) == (False, Settings(lock_timeout_seconds=5))


def test_init_can_leave_text_uncompressed(tmp_path: Path) -> None:
    home, _ = initialise(tmp_path / "home", compress=False)
    assert Home.at(home.path).settings == Settings(compress=False)


def test_init_that_was_killed_before_its_end_can_be_run_again(tmp_path: Path) -> None:
    home, _ = initialise(tmp_path / "home")
    (home.path / SETTINGS).unlink()
    _, made = initialise(tmp_path / "home")
    assert made
    assert catalog.open(tmp_path / "home").jobs() == []


def test_several_inits_at_once_make_one_home(tmp_path: Path) -> None:
    script = "import catalog, sys; catalog.init(sys.argv[1])"
    command = [sys.executable, "-c", script, str(tmp_path / "home")]
    processes = [subprocess.Popen(command, cwd=PROJECT) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    path = tmp_path / "x.jsonl"
    path.write_text(f"{talk('a')}".replace("'", '"'))
    assert ingest.load(catalog.open(tmp_path / "home"), [path], source="s").counts.added == 1
    assert sorted(file.name for file in (tmp_path / "home").glob("*.toml*")) == [SETTINGS]


def test_a_home_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(HomeError, match=f"cannot make a home at {place}") as found:
            catalog.init(place)
        assert found.value.hint == "Name a folder that can be written, with --home or CATALOG_HOME."
