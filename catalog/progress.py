"""How long work says how far it is; who shows it is another matter."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Tick:
    """How far a job is.

    Attributes:
        job: what is being done, such as `ingest`.
        fraction: 0 to 1, or None while the whole is not known.
        counts: what was done so far by unit, such as {"samples": 4096, "tokens": 51200}.
    """

    job: str
    fraction: float | None
    counts: Mapping[str, int]


Progress = Callable[[Tick], None]


def silent(tick: Tick) -> None:
    """Show nothing."""
