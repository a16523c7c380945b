"""Schema revisions: which one a home has, and how it gets to the newest."""

import shutil
from contextlib import closing
from pathlib import Path

import duckdb

from catalog.errors import HomeRevision
from catalog.home import DEFAULT_SETTINGS, SETTINGS, Home, Settings
from catalog.store import mapped_errors

STORAGE = "v1.2.0"
"""The oldest DuckDB that can read the file; before this one it could not compress text well."""

VERSIONS = Path(__file__).parent.parent / "migrations"


def newest() -> str:
    """Return the schema revision that this library works with."""
    return max(path.name[:4] for path in (VERSIONS / "versions").glob("[0-9]*.py"))


def current(home: Home) -> str:
    """Return a home's schema revision, `0000` if it has no tables."""
    with (
        home.turnstile.reading(),
        mapped_errors(home.database),
        closing(duckdb.connect(str(home.database), read_only=True)) as connection,
    ):
        try:
            [(revision,)] = connection.execute("select version_num from alembic_version").fetchall()
        except duckdb.CatalogException:
            return "0000"
        return str(revision)


def require_newest(home: Home) -> None:
    """Check that a home has the newest schema revision.

    Raises:
        HomeRevision: it is older or newer; says what to do.
    """
    found, wanted = current(home), newest()
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
        The copy's path, or None if the home was there already or had no file.
    """
    before = current(home) if home.database.exists() else None
    if before == newest():
        return None
    if before is not None and before > newest():
        require_newest(home)
    copy = None
    with home.turnstile.writing():
        if before not in (None, "0000"):
            copy = home.database.with_suffix(f".before-{newest()}.duckdb")
            shutil.copy2(home.database, copy)
        _run_alembic(home.database, to)
    return copy


def _run_alembic(database: Path, to: str) -> None:
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import NullPool, create_engine

    config = Config()
    config.set_main_option("script_location", str(VERSIONS).replace("%", "%%"))
    engine = create_engine(
        f"duckdb:///{database}",
        poolclass=NullPool,
        connect_args={"config": {"storage_compatibility_version": STORAGE}},
    )
    with mapped_errors(database), engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, to)


def initialise(path: str | Path, *, compress: bool = True) -> tuple[Home, bool]:
    """Make a catalog home, or find the one that is there.

    Returns:
        The home, and whether it was made now.
    """
    folder = Path(path).expanduser().absolute()
    if (folder / SETTINGS).exists():
        home = Home.at(folder)
        require_newest(home)
        return home, False
    folder.mkdir(parents=True, exist_ok=True)
    home = Home(folder, Settings(compress=compress))
    upgrade(home)
    text = DEFAULT_SETTINGS.replace("compress = true", f"compress = {str(compress).lower()}")
    # The settings come last: a home without them is not one yet, and init may be run again.
    aside = folder / f"{SETTINGS}.new"
    aside.write_text(text, encoding="utf-8")
    aside.rename(folder / SETTINGS)
    return home, True
