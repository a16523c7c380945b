"""One catalog on disk: where things are and its few settings."""

import re
import tomllib
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

from catalog.errors import HomeError, HomeNotFound, InvalidInput
from catalog.locks import FileLock, Turnstile

SETTINGS = "catalog.toml"
DEFAULT_SETTINGS = """\
# Settings of this catalog home. Delete a line to have its default back.
lock_timeout_seconds = 60
memory_limit = "1GB"
compress = true
resident_memory = "1GB"
"""
UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


@dataclass(frozen=True)
class Settings:
    """What a home's `catalog.toml` may set.

    Attributes:
        lock_timeout_seconds: how long to wait for another process before giving up.
        memory_limit: DuckDB's memory limit, as DuckDB writes it.
        compress: store text compressed (zstd); false leaves it readable in the file.
        resident_memory: how much an open session keeps in memory of the vectors it searched, so
            that the next search need not read them; "0GB" is nothing.
    """

    lock_timeout_seconds: float = 60.0
    memory_limit: str = "1GB"
    compress: bool = True
    resident_memory: str = "1GB"

    @property
    def resident_bytes(self) -> int:
        """Return `resident_memory` as a number.

        >>> Settings(resident_memory="1.5 GB").resident_bytes
        1500000000
        """
        number, unit = _size(self.resident_memory)
        return int(float(number) * UNITS[unit])

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
    "resident_memory": ('a text such as "1GB" or "500MB"', (str,)),
}


def _size(text: str) -> tuple[str, str]:
    """Return the number and the unit of a size; two empty texts if it is none."""
    found = re.fullmatch(rf"\s*(\d+(?:\.\d+)?)\s*({'|'.join(UNITS)})\s*", text.upper())
    return (found[1], found[2]) if found else ("", "")


def _check(path: Path, name: str, value: object) -> None:
    if name not in _EXPECTED:
        raise InvalidInput(
            f"{path} sets {name!r}, which is no setting",
            hint=f"Settings: {', '.join(_EXPECTED)}.",
        )
    wanted, types = _EXPECTED[name]
    wrong = type(value) not in types or (isinstance(value, int | float) and not 0 <= value < inf)
    if wrong or (name == "resident_memory" and not any(_size(str(value)))):
        raise InvalidInput(
            f"{path} sets {name} to {value!r}, expected {wanted}",
            hint="Mend the line, or delete it to have its default back.",
        )


class Home:
    """A catalog home: a folder that holds everything one catalog knows.

    Attributes:
        path: of the folder.
        settings: what its `catalog.toml` says.
        kept: what those who compute with it keep in memory for the next time, by their own names;
            whoever takes something out checks that it still holds.
    """

    def __init__(self, path: Path, settings: Settings) -> None:
        if "?" in str(path):
            raise InvalidInput(
                f"{str(path)!r} cannot be a home: DuckDB misreads paths with a question mark",
                hint="Name another folder, with --home or CATALOG_HOME.",
            )
        self.path = path
        self.settings = settings
        self.kept: dict[Any, Any] = {}

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
