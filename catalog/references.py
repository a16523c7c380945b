"""What a recipe refers to, by name and by what it holds: tasks, exclusions, parts of a mix."""

from dataclasses import dataclass
from math import isfinite
from typing import Literal, get_args

from catalog.errors import InvalidInput
from catalog.model import Role

LARGEST = 2**63 - 1


@dataclass(frozen=True)
class TaskReference:
    """A query set as a recipe names it: by name and role, and by what it holds."""

    name: str
    role: Role
    digest: str

    def __post_init__(self) -> None:
        """Check every value."""
        for name, value in vars(self).items():
            require(is_text(value), f"a task's {name}", value, "a text")
        roles = get_args(Role)
        require(self.role in roles, "a task's role", self.role, " or ".join(roles))


@dataclass(frozen=True)
class Exclusion:
    """Samples to leave out: a snapshot's members, or those of a list of the user's.

    Attributes:
        kind: `snapshot` or `list`.
        name: what people call it: `name@version`, or the file's name.
        digest: of the snapshot, or of the list's content hashes, sorted.
    """

    kind: Literal["snapshot", "list"]
    name: str
    digest: str

    def __post_init__(self) -> None:
        """Check every value."""
        require(self.kind in ("snapshot", "list"), "not_in", self.kind, "snapshot or list")
        require(is_text(self.name), "not_in's name", self.name, "a text")
        require(is_text(self.digest), "not_in's digest", self.digest, "a text")


@dataclass(frozen=True)
class Part:
    """One part of a mix: how much is taken from the top of a snapshot.

    Attributes:
        snapshot: `name@version`.
        digest: of the snapshot.
        share: of the whole, above 0 and at most 1; or None.
        count: samples; or None.
    """

    snapshot: str
    digest: str
    share: float | None = None
    count: int | None = None

    def __post_init__(self) -> None:
        """Check every value."""
        require(is_text(self.snapshot), "a part's snapshot", self.snapshot, "a text")
        require(is_text(self.digest), "a part's digest", self.digest, "a text")
        one = (self.share is None) != (self.count is None)
        require(one, "a part", self.snapshot, "a share or a count")
        if self.share is not None:
            require(is_share(self.share), "a part's share", self.share, "above 0 and at most 1")
        if self.count is not None:
            require(is_count(self.count), "a part's count", self.count, "at least 1")


def require(fits: bool, name: str, value: object, expected: str) -> None:
    """Refuse a value that is not as expected.

    Raises:
        InvalidInput: it is not.
    """
    if not fits:
        raise InvalidInput(
            f"{name} is {value!r}, expected {expected}",
            hint="Mend it where it was given: an option, or a line of the recipe's file.",
        )


def is_text(value: object) -> bool:
    """Tell whether this is a text that can be stored; one with a lone surrogate cannot."""
    return isinstance(value, str) and value.encode(errors="replace").decode() == value


def is_count(value: object) -> bool:
    """Tell whether this is a whole number of at least 1 that can be stored."""
    return type(value) is int and 1 <= value <= LARGEST


def is_share(value: object) -> bool:
    """Tell whether this is a number above 0 and at most 1."""
    return type(value) in (int, float) and isfinite(value) and 0 < value <= 1  # type: ignore[arg-type,operator]
