"""Did the samples come in the order that was promised, from step to step?"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from catalog.audit.origins import put_least
from catalog.sql import load
from catalog.store import Reader
from catalog.training.order import Order

Places = npt.NDArray[np.int64]
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class OrderFound:
    """How one epoch went, against an order.

    Attributes:
        epoch: the pass over the data.
        promised: `snapshot` for its own order, `shuffled` by a seed, or None: nothing was promised,
            and the snapshot's own order is what it is compared with.
        seen: how many places of that order were come to.
        out_of_order: how many of them came in an earlier step than the place before them; what one
            step holds has no order.
    """

    epoch: int
    promised: str | None
    seen: int
    out_of_order: int


def order_promised(config: Mapping[str, Any]) -> tuple[str | None, int]:
    """Return the order that a run's configuration promises, and its seed.

    >>> order_promised({"order": {"kind": "shuffled", "seed": 7}})
    ('shuffled', 7)
    >>> order_promised({"order": {"order": "feistel", "order_seed": 3, "sampler": "sequential"}})
    ('shuffled', 3)
    >>> order_promised({})
    (None, 0)
    """
    told = config.get("order")
    if not isinstance(told, Mapping):
        return None, 0
    kind, seed = told.get("kind"), told.get("seed")
    if kind is None and told.get("sampler") == "sequential":
        kind = "shuffled" if told.get("order") == "feistel" else "snapshot"
        seed = told.get("order_seed")
    if kind == "shuffled" and isinstance(seed, int):
        return "shuffled", seed
    return ("snapshot", 0) if kind == "snapshot" else (None, 0)


def check_order(reader: Reader, run_id: int, config: str | None) -> list[OrderFound]:
    """Compare the exposures in `shown` with the order that their run promised.

    Returns:
        One for each epoch; none where there is nothing to compare with: no snapshot, several, or
        one that holds members more than once.
    """
    members = reader.arrow(load("audit/order_members"), run_id=run_id)
    if not members.num_rows or members["repeats"].to_numpy().max() > 1:
        return []
    shown = reader.arrow(load("audit/order_shown"))
    given = json.loads(config) if config else {}
    kind, seed = order_promised(given if isinstance(given, dict) else {})
    dropped = reader.arrow(load("audit/order_dropped"))["sample_id"].to_numpy()
    ids = members["sample_id"].to_numpy()
    kept = ids[~np.isin(ids, dropped)] if kind == "shuffled" and len(dropped) else ids
    found = []
    epochs, steps, samples = (shown[n].to_numpy() for n in ("epoch", "step", "sample_id"))
    for epoch in sorted(shown["epoch"].unique().to_pylist()):
        listed = kept
        if kind == "shuffled":
            listed = kept[permutation(Order(len(kept), seed, epoch))]
        now = epochs == epoch
        came = _first_steps(listed, samples[now], steps[now])
        met = came[came >= 0]
        found.append(OrderFound(epoch, kind, len(met), int((np.diff(met) < 0).sum())))
    return found


def _first_steps(listed: Places, samples: Places, steps: Places) -> Places:
    """Return for each place of an order the first step its sample came in, -1 if it never did.

    Args:
        listed: sample ids, in order.
        samples: sample ids of exposures.
        steps: their steps.
    """
    lowest = min(listed.min(), samples.min())
    highest = max(listed.max(), samples.max())
    first = np.full(highest - lowest + 1, NEVER, np.int64)
    put_least(first, samples - lowest, steps)
    came = first[listed - lowest]
    return np.where(came == NEVER, -1, came)


def permutation(order: Order) -> Places:
    """Return all of an order at once: the position that comes at each place.

    >>> permutation(Order(6, seed=1, epoch=0)).tolist()
    [5, 2, 3, 1, 4, 0]
    """
    if not len(order):
        return np.zeros(0, np.int64)
    through: Any = order._through  # the same arithmetic, on 64-bit words: it takes arrays too
    with np.errstate(over="ignore"):
        found = through(np.arange(len(order), dtype=np.uint64))
        while (outside := found >= len(order)).any():
            found[outside] = through(found[outside])
    positions: Places = found.astype(np.int64)
    return positions
