"""What a benchmark found, and whether that is what was asked for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """What a stage should reach; None where nothing is asked.

    Attributes:
        ratio: our time over the peer's, at most.
        limit: our time over what the hardware allows, at most.
        seconds: our time stays below.
        memory_bytes: memory of all our processes together stays below.

    >>> str(Goal(ratio=4, memory_bytes=2_000_000_000)), str(Goal(limit=1.15)), str(Goal())
    ('<= 4 of peer, < 2 GB', '<= 1.15 of limit', '')
    """

    ratio: float | None = None
    limit: float | None = None
    seconds: float | None = None
    memory_bytes: int | None = None

    def __str__(self) -> str:
        """Return it in words."""
        parts = []
        if self.ratio is not None:
            parts.append(f"<= {self.ratio:g} of peer")
        if self.limit is not None:
            parts.append(f"<= {self.limit:g} of limit")
        if self.seconds is not None:
            parts.append(f"< {self.seconds:g} s")
        if self.memory_bytes is not None:
            parts.append(f"< {self.memory_bytes / 1e9:g} GB")
        return ", ".join(parts)


@dataclass(frozen=True)
class Fact:
    """A figure of a stage that is neither time nor memory, and what it should be.

    Attributes:
        name: of the figure, with its unit if it has one.
        value: as measured.
        most: what it should be at most.
        least: what it should be at least.

    >>> str(Fact("bytes each", 10.25, most=12)), Fact("recall", 0.94, least=0.95).met
    ('bytes each 10.2 <= 12', False)
    """

    name: str
    value: float
    most: float | None = None
    least: float | None = None

    def __str__(self) -> str:
        """Return it in words."""
        most = "" if self.most is None else f" <= {self.most:g}"
        least = "" if self.least is None else f" >= {self.least:g}"
        return f"{self.name} {self.value:.3g}{most}{least}"

    @property
    def met(self) -> bool | None:
        """Whether it is as it should be; None if nothing is asked."""
        verdicts = []
        if self.most is not None:
            verdicts.append(self.value <= self.most)
        if self.least is not None:
            verdicts.append(self.value >= self.least)
        return all(verdicts) if verdicts else None


@dataclass(frozen=True)
class Stage:
    """One line of a table.

    Attributes:
        stage: what was measured.
        size: of what.
        ours_s: our median seconds.
        peak_memory_bytes: of all our processes together; None where it cannot be known.
        peer: what people would use instead.
        peer_s: its median seconds.
        goal: what is asked for.
        notes: what a reader should know of how it was measured.
        limit: what the hardware cannot do without.
        limit_s: how long that takes, measured in the same run.
        quarter_s: our seconds for a quarter of the size; 4 times that is linear growth.
        facts: other figures.
    """

    stage: str
    size: str
    ours_s: float
    peak_memory_bytes: int | None = None
    peer: str | None = None
    peer_s: float | None = None
    goal: Goal = Goal()
    notes: tuple[str, ...] = ()
    limit: str | None = None
    limit_s: float | None = None
    quarter_s: float | None = None
    facts: tuple[Fact, ...] = ()

    @property
    def ratio_to_peer(self) -> float | None:
        """Our time over the peer's: below 1 we are faster."""
        return self.ours_s / self.peer_s if self.peer_s else None

    @property
    def ratio_to_limit(self) -> float | None:
        """Our time over what the hardware allows."""
        return self.ours_s / self.limit_s if self.limit_s else None

    @property
    def growth(self) -> float | None:
        """How many times longer than a quarter of it this took: 4 is linear."""
        return self.ours_s / self.quarter_s if self.quarter_s else None

    @property
    def goal_met(self) -> bool | None:
        """Whether all that is asked for is reached; None if nothing is, or it cannot be known.

        >>> Stage("a", "1", 3.0, 10, "b", 2.0, Goal(ratio=1.5, memory_bytes=11)).goal_met
        True
        >>> Stage("a", "1", 3.0, 10, "b", 2.0, Goal(ratio=1.4)).goal_met
        False
        >>> Stage("a", "1", 3.0, facts=(Fact("recall", 0.9, least=0.95),)).goal_met
        False
        >>> Stage("a", "1", 3.0).goal_met, Stage("a", "1", 3.0, None, goal=Goal(seconds=3)).goal_met
        (None, False)
        """
        asked = (
            (self.ratio_to_peer, self.goal.ratio, True),
            (self.ratio_to_limit, self.goal.limit, True),
            (self.ours_s, self.goal.seconds, False),
            (self.peak_memory_bytes, self.goal.memory_bytes, False),
        )
        verdicts = [
            None if value is None else value < most or (value == most and may_equal)
            for value, most, may_equal in asked
            if most is not None
        ]
        verdicts += [fact.met for fact in self.facts if fact.met is not None]
        if False in verdicts:
            return False
        return None if None in verdicts or not verdicts else True

    def row(self) -> dict[str, object]:
        """Return it as `bench.json` holds it."""
        asked = [str(self.goal)] if str(self.goal) else []
        asked += [str(fact) for fact in self.facts if fact.met is not None]
        return {
            "stage": self.stage,
            "size": self.size,
            "ours_s": self.ours_s,
            "peer": self.peer,
            "peer_s": self.peer_s,
            "limit": self.limit,
            "limit_s": self.limit_s,
            "ratio_to_peer": self.ratio_to_peer,
            "ratio_to_limit": self.ratio_to_limit,
            "quarter_s": self.quarter_s,
            "growth": self.growth,
            "peak_memory_bytes": self.peak_memory_bytes,
            "facts": {fact.name: fact.value for fact in self.facts},
            "goal": ", ".join(asked) or None,
            "goal_met": self.goal_met,
            "notes": list(self.notes),
        }
