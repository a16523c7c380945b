"""Scores that somebody else gave are taken in: raters, reward models, detectors of language."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catalog import schema
from catalog.api import Catalog
from catalog.errors import InvalidInput, ScorerMismatch, UnknownName
from catalog.scorers import (
    Scorer,
    add_scorer,
    check_scorer_name,
    find_scorer,
    require_same_contract,
)
from catalog.sql import load
from catalog.store import Reader, Store, Transaction
from ingest.scores.cells import KEYS, VALUES, read_cells

KEPT = ("new", "changed", "same", "repeated")
"""What becomes of a row that can be used."""

CHANGED = "another score is there"


@dataclass(frozen=True)
class ScoresReport:
    """What taking scores in did; read = added + replaced + unchanged + refused.

    Attributes:
        scorer: whose scores they are.
        read: rows of the file.
        added: scores of samples that had none.
        replaced: scores that took the place of others.
        unchanged: rows that say what is known already, or what an earlier row says.
        refused: by reason, how many rows could not be used.
        examples: by reason, the first few of them.
        scored: how many samples the scorer has scored now.
    """

    scorer: str
    read: int
    added: int
    replaced: int
    unchanged: int
    refused: dict[str, int]
    examples: dict[str, list[str]]
    scored: int


def import_scores(
    catalog: Catalog,
    path: str,
    *,
    scorer: str,
    column: str | None = None,
    id_column: str | None = None,
    source: str | None = None,
    label: bool = False,
    contract: Mapping[str, str] | None = None,
    replace: bool = False,
) -> ScoresReport:
    """Take scores in, one row per sample; the same again changes nothing.

    Args:
        catalog: the catalog to add to.
        path: JSON lines or an array, Parquet or CSV, compressed or not.
        scorer: what it is called: a column in conditions.
        column: where the score is; `score`, `value`, `label` or the scorer's name if None.
        id_column: where the sample is named, by its content hash or by the id it came with;
            `content_hash`, `hash` or `id` if None. A column `source` says in which source.
        source: look for ids in this source only, whatever the rows say.
        label: scores are texts; without it they are numbers, unless none of them is one.
        contract: said of the scorer, such as a model and its revision.
        replace: give samples the score of this file where they have another.

    Raises:
        UnreadableInput: the file cannot be read.
        InvalidInput: no row of it names a sample, or none holds a score.
        ScorerMismatch: the name stands for another contract, or for numbers where these are texts.
        UnknownName: there is no such source.
    """
    check_scorer_name(scorer)
    values = [column] if column else list(dict.fromkeys([*VALUES, scorer]))
    keys = [id_column] if id_column else list(KEYS)
    cells = read_cells(path, keys, values)
    with Store(catalog.home).write("scores") as transaction:
        _check_source(transaction, source)
        transaction.register("cell_row", cells)
        counted = transaction.rows(load("score/numbers"))[0]
        _check(path, counted, keys, values)
        texts = label or (counted["texts"] > 0 and not counted["numbers"])
        known, said = _scorer(transaction, scorer, texts, contract or {})
        scorer_id = known.scorer_id if known else transaction.next_id(schema.scorer)
        params = {"scorer_id": scorer_id, "texts": int(texts), "source": source}
        transaction.make("judged_row", load("score/judged"), **params)
        verdicts = {row["verdict"]: row for row in transaction.rows(load("score/verdicts"))}
        if known is None and "new" in verdicts:  # a name is not taken for nothing
            add_scorer(transaction, scorer, said)
        _keep(transaction, scorer_id, replace)
        scored = transaction.value(load("embed/counted"), scorer_id=scorer_id)
    return _report(scorer, counted["rows"], verdicts, replace, scored)


def _check_source(reader: Reader, source: str | None) -> None:
    known = [row["name"] for row in reader.rows("select distinct name from source order by name")]
    if source is not None and source not in known:
        raise UnknownName.among("source", source, known)


def _check(path: str, counted: Mapping[str, int], keys: list[str], values: list[str]) -> None:
    if not counted["rows"]:
        raise InvalidInput(f"{path} holds no row", hint="Give a file with one score a row.")
    for what, number, wanted, option in (
        ("names a sample", counted["named"], keys, "--id-column"),
        ("holds a score", counted["given"], values, "--column"),
    ):
        if not number:
            raise InvalidInput(
                f"no row of {path} {what}: looked for {', '.join(wanted)}",
                hint=f"Say with {option} which field does.",
            )


def _scorer(
    reader: Reader, name: str, texts: bool, said: Mapping[str, str]
) -> tuple[Scorer | None, dict[str, Any]]:
    """Find the scorer, which keeps what was said of it, and return the contract of a new one."""
    kind = "text" if texts else "number"
    contract: dict[str, Any] = {"kind": "imported", "scorer": name, "values": kind, **said}
    known = find_scorer(reader, name)
    if known and known.contract.get("kind") != "imported":
        raise ScorerMismatch(
            f"{name!r} is computed here, so its scores cannot come from a file",
            hint="Give these scores a name of their own with --scorer.",
        )
    if known:
        require_same_contract(known, {**known.contract, **contract})
    return known, contract


def _keep(transaction: Transaction, scorer_id: int, replace: bool) -> None:
    params = {"scorer_id": scorer_id, "replace": int(replace)}
    transaction.make("arriving_score", load("score/arriving"), **params)
    if replace:
        transaction.connection.execute(
            "delete from sample_score where scorer_id = $scorer_id "
            "and sample_id in (select sample_id from arriving_score)",
            {"scorer_id": scorer_id},
        )
    transaction.insert_select(schema.sample_score, "select * from arriving_score")


def _report(
    scorer: str, read: int, verdicts: Mapping[str, Mapping[str, Any]], replace: bool, scored: int
) -> ScoresReport:
    counts = {verdict: row["rows"] for verdict, row in verdicts.items()}
    refused = {verdict: rows for verdict, rows in counts.items() if verdict not in KEPT}
    examples = {verdict: list(verdicts[verdict]["examples"]) for verdict in refused}
    changed = counts.get("changed", 0)
    if changed and not replace:
        refused[CHANGED], examples[CHANGED] = changed, list(verdicts["changed"]["examples"])
    return ScoresReport(
        scorer=scorer,
        read=read,
        added=counts.get("new", 0),
        replaced=changed if replace else 0,
        unchanged=counts.get("same", 0) + counts.get("repeated", 0),
        refused=refused,
        examples=examples,
        scored=scored,
    )
