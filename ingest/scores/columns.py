"""What a language model says of samples, as scorers: their contracts, names, and how they stay."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from catalog.model import EmbeddingSpace
from catalog.scorers import (
    Scorer,
    add_scorer,
    claim_scorer,
    find_scorer,
    keep_scores,
    require_same_contract,
    scorer_of,
)
from catalog.sql import load
from catalog.store import Reader, Transaction
from catalog.vectors import Ids
from ingest.tokens import Flags

Values = npt.NDArray[np.float64]

NLL = "nll"
ANSWER_NLL = "answer_nll"

TOO_SHORT = "shorter than two tokens"
NO_ANSWER = "no answer within the limit"
"""Why a sample has no score."""

PASS = ("model", "model_revision", "compute_dtype")
TEXT = ("template", "template_hash", "text", "max_tokens")


def contract(kind: str, space: EmbeddingSpace, **other: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return all that must agree before two scores of a kind may be compared.

    Pooling and stored dtype have no part in it: spaces that differ there only share their scores.
    """
    fields: Mapping[str, Any] = {name: getattr(space, name) for name in (*PASS, *TEXT)}
    prefix = {"passage_prefix": space.passage_prefix} if space.passage_prefix else {}
    return {"kind": kind, **fields, **prefix, **other}


@dataclass(frozen=True)
class Column:
    """One scorer to be.

    Attributes:
        kind: what it says, and its name where that is free.
        contract: the scorer's.
        suffix: put behind the name where it stands for another contract.
        name: given by the user: this or none.
    """

    kind: str
    contract: Mapping[str, Any]
    suffix: str
    name: str | None = None

    def find(self, reader: Reader) -> Scorer | None:
        """Return the scorer if it is known already.

        Raises:
            ScorerMismatch: the name that the user gave stands for another contract.
        """
        if self.name is None:
            return scorer_of(reader, self.contract)
        if found := find_scorer(reader, self.name):
            require_same_contract(found, self.contract)
        return found

    def scored(self, reader: Reader) -> Ids:
        """Return the samples that have this score, ascending."""
        known = self.find(reader)
        if known is None:
            return np.empty(0, np.int64)
        table = reader.arrow(load("score/scored"), scorer_id=known.scorer_id)
        return np.asarray(table["sample_id"].to_numpy())

    def keep(
        self, transaction: Transaction, ids: Ids, values: Values, truncated: Flags
    ) -> tuple[Scorer, int]:
        """Keep scores, NaN being none; return the scorer and how many were new."""
        if self.name:
            scorer = add_scorer(transaction, self.name, self.contract)
        else:
            scorer = claim_scorer(transaction, self.kind, self.contract, self.suffix)
        known = ~np.isnan(values)
        given = pa.table(
            {"sample_id": ids[known], "value": values[known], "truncated": truncated[known]}
        )
        return scorer, keep_scores(transaction, scorer, given)


def nll_columns(
    space: EmbeddingSpace, suffix: str, named: Mapping[str, str] | None = None
) -> tuple[Column, Column]:
    """Return the scorers of one forward pass: of the whole sample, and of its answers.

    Args:
        space: whose model and text are scored.
        suffix: put behind a name that is taken.
        named: by kind, the names that the user gave.
    """
    whole, answer = (
        Column(kind, contract(kind, space), suffix, (named or {}).get(kind))
        for kind in (NLL, ANSWER_NLL)
    )
    return whole, answer


def mean_nlls(costs: npt.NDArray[np.float32], chosen: list[Flags] | None = None) -> Values:
    """Return the mean of each row, NaN where it has nothing.

    Args:
        costs: float32 (texts, longest), NaN where nothing was predicted.
        chosen: by text, the tokens to take, bool (tokens,); all if None.
    """
    taken = ~np.isnan(costs)
    if chosen is not None:
        wanted = np.zeros_like(taken)
        for row, flags in enumerate(chosen):
            wanted[row, : len(flags)] = flags
        taken &= wanted
    counts = taken.sum(axis=1)
    sums = np.where(taken, costs, 0).sum(axis=1, dtype=np.float64)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
