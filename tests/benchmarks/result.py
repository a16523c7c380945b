"""What a benchmark found, and whether that is what was asked for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """What a stage should reach; None where nothing is asked.

    Attributes:
        ratio: our time over the peer's, at most.
        seconds: our time stays below.
        memory_bytes: memory of all our processes together stays below.
        bytes_each: what one of what is stored takes stays below.

    >>> str(Goal(ratio=4, memory_bytes=2_000_000_000)), str(Goal(seconds=0.3)), str(Goal())
    ('ratio <= 4, memory < 2 GB', '< 0.3 s', '')
    """

    ratio: float | None = None
    seconds: float | None = None
    memory_bytes: int | None = None
    bytes_each: float | None = None

    def __str__(self) -> str:
        """Return it in words."""
        parts = []
        if self.ratio is not None:
            parts.append(f"ratio <= {self.ratio:g}")
        if self.seconds is not None:
            parts.append(f"< {self.seconds:g} s")
        if self.memory_bytes is not None:
            parts.append(f"memory < {self.memory_bytes / 1e9:g} GB")
        if self.bytes_each is not None:
            parts.append(f"< {self.bytes_each:g} bytes each")
        return ", ".join(parts)


@dataclass(frozen=True)
class Stage:
    """One line of the table.

    Attributes:
        stage: what was measured.
        size: of what.
        ours_s: our median seconds.
        peak_memory_bytes: of all our processes together; None where it cannot be known.
        peer: what people would use instead.
        peer_s: its median seconds.
        goal: what is asked for.
        notes: what a reader should know of how it was measured.
        bytes_each: what one of what is stored takes on disk, where that is asked.
    """

    stage: str
    size: str
    ours_s: float
    peak_memory_bytes: int | None = None
    peer: str | None = None
    peer_s: float | None = None
    goal: Goal = Goal()
    notes: tuple[str, ...] = ()
    bytes_each: float | None = None

    @property
    def ratio_to_peer(self) -> float | None:
        """Our time over the peer's: below 1 we are faster."""
        return self.ours_s / self.peer_s if self.peer_s else None

    @property
    def ratio_to_limit(self) -> float | None:
        """Our time over the limit in seconds."""
        return self.ours_s / self.goal.seconds if self.goal.seconds else None

    @property
    def goal_met(self) -> bool | None:
        """Whether all that is asked for is reached; None if nothing is, or it cannot be known.

        >>> Stage("a", "1", 3.0, 10, "b", 2.0, Goal(ratio=1.5, memory_bytes=11)).goal_met
        True
        >>> Stage("a", "1", 3.0, 10, "b", 2.0, Goal(ratio=1.4)).goal_met
        False
        >>> Stage("a", "1", 3.0).goal_met, Stage("a", "1", 3.0, None, goal=Goal(seconds=3)).goal_met
        (None, False)
        """
        asked = (
            (self.ratio_to_peer, self.goal.ratio, True),
            (self.ours_s, self.goal.seconds, False),
            (self.peak_memory_bytes, self.goal.memory_bytes, False),
            (self.bytes_each, self.goal.bytes_each, False),
        )
        verdicts = [
            None if value is None else value < limit or (value == limit and may_equal)
            for value, limit, may_equal in asked
            if limit is not None
        ]
        if False in verdicts:
            return False
        return None if None in verdicts or not verdicts else True

    def row(self) -> dict[str, object]:
        """Return it as `bench.json` holds it."""
        return {
            "stage": self.stage,
            "size": self.size,
            "ours_s": self.ours_s,
            "peer": self.peer,
            "peer_s": self.peer_s,
            "limit_s": self.goal.seconds,
            "ratio_to_peer": self.ratio_to_peer,
            "ratio_to_limit": self.ratio_to_limit,
            "peak_memory_bytes": self.peak_memory_bytes,
            "bytes_each": self.bytes_each,
            "goal": str(self.goal) or None,
            "goal_met": self.goal_met,
            "notes": list(self.notes),
        }
