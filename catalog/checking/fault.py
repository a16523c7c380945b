"""What a check found, as values."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

EXAMPLES = 5


@dataclass(frozen=True)
class Fault:
    """Something that is broken.

    Attributes:
        check: which check found it.
        what: what is wrong, in words.
        mend: what to do, often a command.
        found: how many of its kind.
        examples: a few of them, in words.
    """

    check: str
    what: str
    mend: str
    found: int = 1
    examples: tuple[str, ...] = ()

    @classmethod
    def of(cls, check: str, what: str, mend: str, found: Sequence[object]) -> "Fault":
        """Build one of all that was found of a kind."""
        return cls(check, what, mend, len(found), tuple(map(str, found[:EXAMPLES])))


@dataclass(frozen=True)
class Checked:
    """What checking the home found.

    Attributes:
        checks: how many checks were made.
        faults: what is broken; empty if all is in order.
    """

    checks: int
    faults: list[Fault] = field(default_factory=list)


Faults = Iterable[Fault]
