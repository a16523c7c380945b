"""Overlaps as rows of `contamination_mark`."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from catalog import schema
from catalog.contamination.cosine import Nearest
from catalog.contamination.items import Item
from catalog.contamination.matching import Overlap
from catalog.contamination.reading import Piece
from catalog.model import NamedSpace
from catalog.store import Transaction


def insert_marks(
    transaction: Transaction, tables: Sequence[pa.Table], check_id: int, task_id: int
) -> int:
    """Write a check's marks and return how many they are."""
    if not tables:
        return 0
    whole = pa.concat_tables(tables)
    for name, value in (("check_id", check_id), ("task_id", task_id)):
        whole = whole.append_column(name, pa.repeat(value, len(whole)))
    return transaction.insert_arrow(schema.contamination_mark, whole)


def marks(overlaps: Sequence[Overlap], piece: Piece) -> pa.Table:
    """Return what words showed, as rows of `contamination_mark` but for the check."""
    return pa.table(
        {
            "sample_id": piece.ids[[overlap.text for overlap in overlaps]],
            "query_id": pa.array([overlap.item.query_id for overlap in overlaps], pa.int64()),
            "kind": [overlap.kind for overlap in overlaps],
            "part": [overlap.part for overlap in overlaps],
            "evidence": [overlap.evidence for overlap in overlaps],
            "score": [overlap.score for overlap in overlaps],
        }
    )


def near_marks(found: Nearest, named: NamedSpace, items: Sequence[Item]) -> pa.Table:
    """Return what vectors showed, likewise; the items tell what is near."""
    asked = {item.query_id: " ".join(item.texts["question"].split())[:200] for item in items}
    count = len(found.sample_ids)
    return pa.table(
        {
            "sample_id": found.sample_ids,
            "query_id": found.query_ids,
            "kind": pa.repeat("cosine", count),
            "part": pa.repeat(named.space.text, count),
            "evidence": pa.array(
                [f"in {named.name}, near to: {asked[query]}" for query in found.query_ids.tolist()],
                pa.string(),
            ),
            "score": found.scores.astype(np.float64),
        }
    )
