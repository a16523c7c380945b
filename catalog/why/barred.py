"""Which constraint passed a sample over: its source was full, or a member was too like it."""

from typing import Any

import numpy as np

from catalog.errors import CatalogError
from catalog.sql import load
from catalog.store import Store
from catalog.vectors import Floats, Ids, Vectors
from catalog.why.past import Past

MEMBERS = """
select
    m.position,
    m.sample_id,
    s.content_hash
from snapshot_member as m
join sample as s on s.sample_id = m.sample_id
where m.snapshot_id = $id
order by m.sample_id
"""


def barred(seen: Past, row: dict[str, Any]) -> list[str]:
    """Say which constraints stood in the way of a sample, in sentences.

    Args:
        seen: the snapshot and what it saw.
        row: of `queries/explain/samples.sql`, the sample's.
    """
    told = []
    cap = seen.recipe.max_per_source
    if cap is not None:
        with Store(seen.home).read() as reader:
            chosen = reader.arrow(MEMBERS, id=seen.snapshot.snapshot_id)
        with seen.store.read() as reader:  # by the sources as they were
            reader.register("chosen", chosen)
            held = reader.row(load("explain/of_source"), sample_id=row["sample_id"])
        if held and held["members"] >= cap:
            told.append(f"its source {held['source']} has all the {cap:,} members it may have")
    cosine = seen.recipe.skip_near_duplicates
    if cosine is not None:
        near = _nearest_member(seen, row["sample_id"])
        if near is not None and near["cosine"] > cosine:
            told.append(
                f"it is a near-duplicate of the member at position {near['position']:,} "
                f"({near['hash'][:16]}): cosine {near['cosine']:.4f}, more than {cosine}"
            )
    return told


def _nearest_member(seen: Past, sample_id: int) -> dict[str, Any] | None:
    """Return the member whose vector is nearest to a sample's, with its cosine."""
    if seen.space is None:
        return None
    with Store(seen.home).read() as reader:
        members = reader.arrow(MEMBERS, id=seen.snapshot.snapshot_id)
    ids = np.asarray(members["sample_id"].to_numpy())
    try:
        place, cosine = _best(Vectors(seen.home, seen.space.space, "sample"), sample_id, ids)
    except (CatalogError, KeyError):  # its vector is gone: what it was like cannot be told
        return None
    found = members.slice(place, 1).to_pylist()[0]
    return {
        "position": found["position"],
        "hash": found["content_hash"].hex(),
        "cosine": cosine,
    }


def _best(vectors: Vectors, sample_id: int, ids: Ids) -> tuple[int, float]:
    """Return the place among ids, ascending, of the nearest one, and its cosine; streamed."""
    own: Floats = vectors.of([sample_id])[0]
    place, cosine = -1, -np.inf
    for found, values in vectors.scan():
        inside = np.isin(found, ids)
        if not inside.any():
            continue
        scores = values[inside].astype(np.float32) @ own
        best = int(scores.argmax())
        if scores[best] > cosine:
            place = int(np.searchsorted(ids, found[inside][best]))
            cosine = float(scores[best])
    if place < 0:
        raise KeyError([sample_id])
    return place, cosine
