"""What a scorer wants of a model: which tokens of which texts, and what becomes of their cost."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from catalog.store import Reader, Store
from catalog.vectors import Ids
from ingest.encoder import Encoder
from ingest.reading import read_window
from ingest.scores.columns import NO_ANSWER, TOO_SHORT, Column, Values, nll_columns
from ingest.tokens import Flags


@dataclass(frozen=True)
class Stretch:
    """Tokens to run the model over, and those of them that count.

    Attributes:
        row: of the sample in its window.
        ids: token ids.
        counted: by sum that the scorer keeps, which tokens count, bool (tokens,); None is none.
    """

    row: int
    ids: list[int]
    counted: tuple[Flags | None, ...]

    @property
    def wanted(self) -> Flags:
        """The tokens that count in any sum."""
        found = np.zeros(len(self.ids), bool)
        for flags in self.counted:
            if flags is not None:
                found |= flags
        return found


@dataclass(frozen=True)
class Prepared:
    """A window, ready to be computed.

    Attributes:
        ids: of its samples.
        truncated: whether each was cut.
        stretches: in any order; a sample without any gets no score.
        skipped: by reason, how many samples have none.
        given: a number by sample that the scorer knows already, float64 (samples,).
    """

    ids: Ids
    truncated: Flags
    stretches: list[Stretch]
    skipped: Counter[str] = field(default_factory=Counter)
    given: Values = field(default_factory=lambda: np.empty(0))


class Plan(Protocol):
    """One way to score."""

    columns: tuple[Column, ...]
    """The scorers it fills; a sample lacks all of them if it lacks the first."""
    sums: int
    """How many sums it keeps per sample."""
    left_out: str
    """Why samples of the pool are no candidates."""

    def candidates(self, reader: Reader, pool: Ids) -> Ids:
        """Return the samples of the pool that it can say something of, ascending."""

    def prepare(self, store: Store, ids: Ids) -> Prepared:
        """Read some samples, ascending, and tokenise them."""

    def values(self, prepared: Prepared, rows: Ids, means: Values) -> list[Values]:
        """Return what the columns say of some rows, NaN being nothing.

        Args:
            prepared: their window.
            rows: of it.
            means: mean cost of the counted tokens, float64 (rows, sums), NaN where there are none.
        """

    def unscored(self, values: Sequence[Values]) -> Counter[str]:
        """Return, by reason, how many rows of `values` got no score after all."""


class NllPlan:
    """Every sample's mean token NLL, and that of its answers given what precedes them."""

    sums = 2
    left_out = ""

    def __init__(
        self, encoder: Encoder, suffix: str, named: Mapping[str, str] | None = None
    ) -> None:
        self.columns: tuple[Column, ...] = nll_columns(encoder.space, suffix, named or {})
        self._encoder = encoder

    def candidates(self, reader: Reader, pool: Ids) -> Ids:
        """Return all."""
        return pool

    def prepare(self, store: Store, ids: Ids) -> Prepared:
        """Read and tokenise; one stretch per sample."""
        window = read_window(store, self._encoder, "sample", ids, answers=True)
        lengths = np.array(window.tokens.lengths)
        stretches = [
            Stretch(row, tokens, (np.ones(len(tokens), bool), window.answers[row]))
            for row, tokens in enumerate(window.tokens.ids)
            if len(tokens) > 1
        ]
        skipped = Counter({TOO_SHORT: len(ids) - len(stretches)})
        return Prepared(window.ids, lengths > self._encoder.space.max_tokens, stretches, skipped)

    def values(self, prepared: Prepared, rows: Ids, means: Values) -> list[Values]:
        """Return both means as they are."""
        return [means[:, 0], means[:, 1]]

    def unscored(self, values: Sequence[Values]) -> Counter[str]:
        """Count the samples without an answer."""
        return Counter({NO_ANSWER: int(np.isnan(values[1]).sum())})


def mean_costs(
    costs: npt.NDArray[np.float32], stretches: Sequence[Stretch], sums: int
) -> tuple[Values, npt.NDArray[np.int64]]:
    """Add up what counted tokens cost, per stretch.

    Args:
        costs: float32 (stretches, longest), NaN where nothing was predicted.
        stretches: in the same order.
        sums: how many are kept of each.

    Returns:
        Sums, float64 (stretches, sums), and of how many tokens, int64 (stretches, sums).
    """
    totals = np.zeros((len(stretches), sums))
    counts = np.zeros((len(stretches), sums), np.int64)
    for row, stretch in enumerate(stretches):
        for position, flags in enumerate(stretch.counted):
            if flags is not None:
                found = costs[row, : len(flags)][flags]
                found = found[~np.isnan(found)]
                totals[row, position] = found.sum(dtype=np.float64)
                counts[row, position] = len(found)
    return totals, counts
