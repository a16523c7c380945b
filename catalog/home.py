"""One catalog on disk: where things are and its few settings."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from catalog.errors import HomeNotFound, InvalidInput
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
            raise InvalidInput(f"{path} is not valid TOML: {error}") from error
        types = {"lock_timeout_seconds": (int, float), "memory_limit": (str,), "compress": (bool,)}
        for name, value in found.items():
            if name not in types:
                raise InvalidInput(
                    f"{path} sets {name!r}, which is no setting",
                    hint=f"Settings: {', '.join(types)}.",
                )
            if type(value) not in types[name]:
                wanted = " or ".join(kind.__name__ for kind in types[name])
                raise InvalidInput(f"{path} sets {name} to {value!r}, expected {wanted}")
        return cls(**found)


class Home:
    """A catalog home: a folder that holds everything one catalog knows."""

    def __init__(self, path: Path, settings: Settings) -> None:
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
