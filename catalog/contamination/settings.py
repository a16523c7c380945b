"""What counts as an overlap, and what a check's outcome depends on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catalog.errors import InvalidInput
from catalog.model import NamedSpace, Task

NGRAM = 13
LEAST_NGRAM = 5
METHOD = 1
"""Of all that decides what is marked beside the parameters; a change of it makes checks stale."""


@dataclass(frozen=True)
class Settings:
    """What counts as an overlap.

    Attributes:
        ngram: so many words in a row.
        cosine: or a cosine of at least this.
        space: in which space.
    """

    ngram: int
    cosine: float | None
    space: NamedSpace | None

    def parameters(self, task: Task, state: Mapping[str, Any]) -> dict[str, Any]:
        """Return all that the outcome for a task depends on."""
        named = self.space if self.cosine is not None else None
        return {
            "method": METHOD,
            "ngram": self.ngram,
            "cosine": self.cosine if named else None,
            "space": named.name if named else None,
            "table": named.space.table_name if named else None,
            "digest": task.digest,
            "pool": dict(state),
        }


def check_values(ngram: int, cosine: float | None, space: str | None) -> None:
    """Check what was asked for.

    Raises:
        InvalidInput: a value is out of its range.
    """
    if ngram < LEAST_NGRAM:
        raise InvalidInput(
            f"--ngram is {ngram}, expected at least {LEAST_NGRAM}",
            hint="Runs that short are shared by any two texts; 13 is usual, 8 is strict.",
        )
    if cosine is not None and not 0 < cosine <= 1:
        raise InvalidInput(
            f"--cosine is {cosine}, expected more than 0 and at most 1",
            hint="Near copies have 0.9 and more in most spaces; look at what a value marks.",
        )
    if space is not None and cosine is None:
        raise InvalidInput(
            "--space says where cosines are taken, and there is no --cosine",
            hint=f"Add it, such as `--cosine 0.95 --space {space}`, or leave --space out.",
        )
