"""Schema revisions: which one a home has, and how it gets to the newest."""

import os
import shutil
from contextlib import closing
from pathlib import Path

import duckdb

from catalog.connection import attachment, connect, mapped_errors, reading
from catalog.errors import HomeError, HomeRevision, StoreError
from catalog.home import DEFAULT_SETTINGS, SETTINGS, Home, Settings

VERSIONS = Path(__file__).parent.parent / "migrations"


def newest() -> str:
    """Return the schema revision that this library works with."""
    return max(path.name[:4] for path in (VERSIONS / "versions").glob("[0-9]*.py"))


def current(home: Home) -> str:
    """Return a home's schema revision, `0000` if it has no tables."""
    with home.turnstile.reading():
        return _revision(home, writes=False)


def _revision(home: Home, *, writes: bool) -> str:
    with (
        mapped_errors(home.database),
        closing(connect(home)) if writes else reading(home) as connection,
    ):
        try:
            found = connection.execute("select version_num from alembic_version").fetchall()
        except duckdb.CatalogException:
            found = []
        return str(found[0][0]) if found else "0000"


def require_newest(home: Home) -> None:
    """Check that a home has the newest schema revision.

    Raises:
        HomeRevision: it is older or newer; says what to do.
    """
    _compare(home, current(home), newest())


def _compare(home: Home, found: str, wanted: str) -> None:
    if found < wanted:
        raise HomeRevision(
            f"the home at {home.path} has schema revision {found}, this library needs {wanted}",
            hint=f"Upgrade it with `catalog --home {home.path} migrate`; the file is copied first.",
        )
    if found > wanted:
        raise HomeRevision(
            f"the home at {home.path} has schema revision {found}, newer than {wanted}, "
            "the newest that this library knows",
            hint="Upgrade with `pip install --upgrade instruct-catalog`.",
        )


def upgrade(home: Home, *, to: str = "head") -> Path | None:
    """Bring a home to a schema revision and return the copy made of its file before.

    Returns:
        The copy's path, or None if the home was there already or had no tables.

    Raises:
        HomeRevision: the home is newer than this library.
        StoreError: there is no room for the copy.
    """
    with home.turnstile.writing():
        # Opened for writing, DuckDB takes in what a killed writer left beside the file: then the
        # file alone is the whole, and may be copied.
        before = _revision(home, writes=True)
        if before >= newest():
            _compare(home, before, newest())
            return None
        copy = None if before == "0000" else _copy_aside(home.database, before)
        _run_alembic(home.database, to)
        return copy


def _copy_aside(database: Path, revision: str) -> Path:
    copy = database.with_suffix(f".{revision}.before-{newest()}.duckdb")
    needed, free = database.stat().st_size, shutil.disk_usage(database.parent).free
    if free < needed:
        raise StoreError(
            f"{needed / 1e9:.1f} GB are needed beside {database} to copy it, "
            f"{free / 1e9:.1f} GB are free",
            hint="Free some space: a home is not upgraded without a copy of what it was.",
        )
    aside = copy.with_suffix(".partial")
    shutil.copy2(database, aside)
    aside.rename(copy)
    return copy


def _run_alembic(database: Path, to: str) -> None:
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import URL, NullPool, create_engine

    config = Config()
    config.set_main_option("script_location", str(VERSIONS).replace("%", "%%"))
    engine = create_engine(URL.create("duckdb", database=":memory:"), poolclass=NullPool)
    with mapped_errors(database), engine.connect() as connection:
        connection.exec_driver_sql(attachment(database, "catalog"))
        connection.exec_driver_sql("use catalog")
        connection.commit()
        config.attributes["connection"] = connection
        command.upgrade(config, to)


def initialise(path: str | Path, *, compress: bool = True) -> tuple[Home, bool]:
    """Make a catalog home, or find the one that is there.

    Returns:
        The home, and whether it was made now.

    Raises:
        HomeError: the folder cannot be made or written.
    """
    folder = Path(path).expanduser().absolute()
    if (folder / SETTINGS).exists():
        home = Home.at(folder)
        require_newest(home)
        return home, False
    home = Home(folder, Settings(compress=compress))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        upgrade(home)
        _write_settings(folder, compress)
    except OSError as error:
        raise HomeError(
            f"cannot make a home at {folder}: {error.strerror}",
            hint="Name a folder that can be written, with --home or CATALOG_HOME.",
        ) from error
    return home, True


def _write_settings(folder: Path, compress: bool) -> None:
    """Write them last: a folder without settings is no home yet, and init may be run again."""
    text = DEFAULT_SETTINGS.replace("compress = true", f"compress = {str(compress).lower()}")
    aside = folder / f"{SETTINGS}.{os.getpid()}"
    aside.write_text(text, encoding="utf-8")
    aside.rename(folder / SETTINGS)
