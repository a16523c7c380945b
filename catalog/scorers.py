"""Scorers: who says what of a sample, and by which contract, so that scores are never mixed."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from catalog.errors import InvalidInput, ScorerMismatch, UnknownName
from catalog.sql import load
from catalog.store import Reader, Transaction

if TYPE_CHECKING:
    import pyarrow as pa

TAKEN = frozenset(
    {
        *("sample_id", "hash", "content_hash", "order_key", "source", "sources", "turns"),
        *("characters", "messages", "tools", "tokens", "truncated", "change_id", "size", "seed"),
        *("pool", "ranking", "similarity", "neighbor", "nearest"),
    }
)
"""What conditions and rules call otherwise; `tokens` is the scorer of every space."""


@dataclass(frozen=True)
class Scorer:
    """Who gave scores, and how.

    Attributes:
        scorer_id: its key in this home.
        name: what people call it; a column in conditions, a relation in rules.
        contract: all that must agree before two of its scores may be compared.
    """

    scorer_id: int
    name: str
    contract: Mapping[str, Any]


def check_scorer_name(name: str) -> None:
    """Check that a name can be a column in a condition.

    Raises:
        InvalidInput: it cannot.
    """
    if not (name.isascii() and name.isidentifier() and name == name.lower()):
        raise InvalidInput(
            f"{name!r} cannot name a scorer",
            hint="It is a column in SQL: lower-case letters, digits and _, such as reward_v2.",
        )
    if name in TAKEN:
        raise InvalidInput(
            f"{name!r} names something else in SQL", hint=f"Call it {name}_score, for one."
        )


def scorers(reader: Reader) -> list[Scorer]:
    """Return every scorer but the token counts of spaces, by name."""
    found = reader.rows("select * from scorer where name != 'tokens' order by name")
    return [_from_row(row) for row in found]


def find_scorer(reader: Reader, name: str) -> Scorer | None:
    """Return a scorer by its name, or None."""
    return next((scorer for scorer in scorers(reader) if scorer.name == name), None)


def the_scorer(reader: Reader, name: str) -> Scorer:
    """Return a scorer by its name.

    Raises:
        UnknownName: there is none.
    """
    known = {scorer.name: scorer for scorer in scorers(reader)}
    if name not in known:
        raise UnknownName.among(
            "scorer",
            name,
            list(known),
            hint="Make one with `catalog score --scorer nll` or `catalog scores import`.",
        )
    return known[name]


def add_scorer(transaction: Transaction, name: str, contract: Mapping[str, Any]) -> Scorer:
    """Record a scorer under a name, or find it there with the same contract.

    Raises:
        ScorerMismatch: the name stands for another contract; says in which fields.
    """
    from catalog import schema  # SQLAlchemy, which those who only read do without

    if found := find_scorer(transaction, name):
        require_same_contract(found, contract)
        return found
    check_scorer_name(name)
    added = Scorer(transaction.next_id(schema.scorer), name, dict(contract))
    transaction.insert(schema.scorer, {**vars(added), "space_id": None})
    return added


def scorer_of(reader: Reader, contract: Mapping[str, Any], name: str = "") -> Scorer | None:
    """Return the scorer that has a contract, under whatever name, or None; of several, `name`."""
    alike = [known for known in scorers(reader) if not differences(known.contract, contract)]
    return min(alike, key=lambda known: (known.name != name, known.name), default=None)


def claim_scorer(
    transaction: Transaction, name: str, contract: Mapping[str, Any], suffix: str
) -> Scorer:
    """Find the scorer of a contract, or record it under a name that is free.

    Args:
        transaction: in which it is recorded.
        name: preferred.
        contract: the scorer's.
        suffix: put behind the name if that stands for another contract.
    """
    if found := scorer_of(transaction, contract):
        return found
    mark = sha256(json.dumps(contract, sort_keys=True).encode()).hexdigest()[:6]
    longer = f"{name}_{identifier(suffix)}"
    known = {scorer.name for scorer in scorers(transaction)}
    free = [name for name in (name, longer, f"{longer}_{mark}") if name not in known]
    return add_scorer(transaction, free[0], contract)


def how_to_score(scorer: Scorer) -> str:
    """Return the command that gives more samples a score of this scorer."""
    contract = scorer.contract
    kind = str(contract.get("kind", "imported"))
    if kind == "imported" or "model" not in contract:
        return f"catalog scores import FILE --scorer {scorer.name}"
    base = "ifd" if kind.startswith("ifd") else kind.replace("_", "-")
    options = {
        "--model": contract["model"],
        "--prompt": contract.get("prompt"),
        "--template": contract.get("template"),
        "--max-tokens": contract.get("max_tokens"),
        "--dtype": contract.get("compute_dtype"),
        "--name": None if scorer.name.startswith(kind) else scorer.name,
    }
    told = [f"{flag} {value}" for flag, value in options.items() if value is not None]
    return " ".join([f"catalog score --scorer {base}", *told])


def identifier(text: str) -> str:
    """Return a text as part of a scorer's name.

    >>> identifier("RDS+ (Llama 3.1)")
    'rds_llama_3_1'
    """
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def keep_scores(transaction: Transaction, scorer: Scorer, given: "pa.Table") -> int:
    """Keep scores of samples that the scorer has not scored yet, and return how many.

    Args:
        transaction: in which they are kept.
        scorer: whose scores they are.
        given: sample_id (int64), value (double), truncated (bool), no sample twice.
    """
    from catalog import schema  # SQLAlchemy, which those who only read do without

    params = {"scorer_id": scorer.scorer_id}
    return transaction.insert_select(
        schema.sample_score, load("score/fresh"), params, given_score=given
    )


def require_same_contract(known: Scorer, contract: Mapping[str, Any]) -> None:
    """Check that a contract is the one a name stands for.

    Raises:
        ScorerMismatch: it is not; says in which fields.
    """
    if fields := differences(known.contract, contract):
        told = "; ".join(
            f"{field} is {known.contract.get(field)!r}, asked for {contract.get(field)!r}"
            for field in fields
        )
        raise ScorerMismatch(
            f"the scorer {known.name!r} has another contract: {told}",
            hint="Leave those options out to continue it, or give it a name of its own with "
            "--name.",
        )


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Return the fields in which two contracts differ; the same files by another name are alike."""
    revision = one.get("model_revision")
    same_files = str(revision).startswith("sha256:") and revision == other.get("model_revision")
    return [
        field
        for field in dict.fromkeys([*one, *other])
        if one.get(field) != other.get(field) and not (field == "model" and same_files)
    ]


def _from_row(row: Mapping[str, Any]) -> Scorer:
    return Scorer(row["scorer_id"], row["name"], json.loads(row["contract"]))
