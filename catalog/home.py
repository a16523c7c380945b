"""One catalog on disk: where things are and its few settings."""

import tomllib
from dataclasses import dataclass
from math import inf
from pathlib import Path

from catalog.errors import HomeError, HomeNotFound, InvalidInput
from catalog.locks import FileLock, Turnstile

SETTINGS = "catalog.toml"
DEFAULT_SETTINGS = """\
# Settings of this catalog home. Delete a line to have its default back.
lock_timeout_seconds = 60
memory_limit = "1GB"
compress = true
"""


@dataclass(frozen=True)
class Settings:
    """What a home's `catalog.toml` may set.

    Attributes:
        lock_timeout_seconds: how long to wait for another process before giving up.
        memory_limit: DuckDB's memory limit, as DuckDB writes it.
        compress: store text compressed (zstd); false leaves it readable in the file.
    """

    lock_timeout_seconds: float = 60.0
    memory_limit: str = "1GB"
    compress: bool = True

    @classmethod
    def read(cls, path: Path) -> "Settings":
        """Read a settings file.

        Raises:
            InvalidInput: it is no TOML, or sets something unknown or of the wrong type.
        """
        try:
            found = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InvalidInput(
                f"{path} is not valid TOML: {error}",
                hint="Mend it; a line left out has its default.",
            ) from error
        except OSError as error:
            raise HomeError(
                f"cannot read {path}: {error.strerror}", hint="A home must be readable."
            ) from error
        for name, value in found.items():
            _check(path, name, value)
        return cls(**found)


_EXPECTED = {
    "lock_timeout_seconds": ("seconds, 0 or more", (int, float)),
    "memory_limit": ('a text such as "1GB"', (str,)),
    "compress": ("true or false", (bool,)),
}


def _check(path: Path, name: str, value: object) -> None:
    if name not in _EXPECTED:
        raise InvalidInput(
            f"{path} sets {name!r}, which is no setting",
            hint=f"Settings: {', '.join(_EXPECTED)}.",
        )
    wanted, types = _EXPECTED[name]
    if type(value) not in types or (isinstance(value, int | float) and not 0 <= value < inf):
        raise InvalidInput(
            f"{path} sets {name} to {value!r}, expected {wanted}",
            hint="Mend the line, or delete it to have its default back.",
        )


class Home:
    """A catalog home: a folder that holds everything one catalog knows."""

    def __init__(self, path: Path, settings: Settings) -> None:
        if "?" in str(path):
            raise InvalidInput(
                f"{str(path)!r} cannot be a home: DuckDB misreads paths with a question mark",
                hint="Name another folder, with --home or CATALOG_HOME.",
            )
        self.path = path
        self.settings = settings

    @classmethod
    def at(cls, path: str | Path) -> "Home":
        """Return the home at `path`.

        Raises:
            HomeNotFound: there is none.
        """
        folder = Path(path).expanduser().absolute()
        if not (folder / SETTINGS).is_file():
            raise HomeNotFound(
                f"no catalog home at {str(path)!r}",
                hint=f"Make one with `catalog init --home {path}`, or name one with --home "
                "or CATALOG_HOME.",
            )
        return cls(folder, Settings.read(folder / SETTINGS))

    @property
    def database(self) -> Path:
        """The DuckDB file."""
        return self.path / "catalog.duckdb"

    @property
    def vectors(self) -> Path:
        """The LanceDB folder."""
        return self.path / "vectors"

    @property
    def ledger(self) -> Path:
        """Where trainers append what they see, one folder per run."""
        return self.path / "ledger"

    @property
    def queries(self) -> Path:
        """Where a user keeps rules of their own, a `.sql` file each."""
        return self.path / "queries"

    @property
    def staging(self) -> Path:
        """Where jobs put what is not committed yet, one folder per job."""
        return self.path / "staging"

    @property
    def cache(self) -> Path:
        """What can be made again at any time."""
        return self.path / "cache"

    @property
    def turnstile(self) -> Turnstile:
        """The lock that every use of the database passes."""
        return Turnstile(self.path / "locks", self.settings.lock_timeout_seconds)

    def lock(self, name: str) -> FileLock:
        """Return the named lock of this home."""
        return FileLock(self.path / "locks" / name)
