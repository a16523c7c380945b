"""Where many samples came from: each counts for the first of its sources, by name."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from catalog.sql import load
from catalog.store import Reader, Rows

UNKNOWN = "(not in the catalog)"
NOT_ALWAYS = ("tokens", "loss_tokens")
"""What a ledger may have been told of no exposure: then it is None, not 0."""


@dataclass(frozen=True)
class Origins:
    """The first source of every sample.

    An array looked up by sample_id, since a join of every exposure with every appearance, and the
    least of the names for each, takes DuckDB five times as long at millions of samples.

    Attributes:
        names: of all sources, in order.
        first: the least id that there is, below 0 for hashes that the catalog does not know.
        places: int16 or wider, shape (ids,); by id less `first`, where `names` has the source; one
            beyond the names if there is none.
    """

    names: list[str]
    first: int
    places: npt.NDArray[Any]

    @classmethod
    def read(cls, reader: Reader, first: int, last: int) -> "Origins":
        """Read the first sources of the samples between two ids."""
        names = [row["name"] for row in reader.rows(load("audit/source_names"))]
        rows = reader.arrow(load("audit/origins"))
        ids, given = (rows[name].to_numpy() for name in ("sample_id", "place"))
        kind = np.dtype(np.int16 if len(names) < np.iinfo(np.int16).max else np.int32)
        places = np.full(last - first + 1, len(names), kind)
        put_least(places, ids - first, (given - 1).astype(kind))
        return cls(names, first, places)

    def of(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """Return the places of the sources of samples, by their ids."""
        return self.places[ids - self.first]

    def count(self, places: npt.NDArray[Any], weights: npt.NDArray[Any] | None = None) -> list[int]:
        """Return how often each place comes, or the sum of its weights; the last is no source."""
        counted = np.bincount(places, weights=weights, minlength=len(self.names) + 1)
        return [round(number) for number in counted.tolist()]

    def name(self, place: int) -> str:
        """Return the name of a place."""
        return self.names[place] if place < len(self.names) else UNKNOWN


def put_least(
    found: npt.NDArray[Any], places: npt.NDArray[np.int64], values: npt.NDArray[Any]
) -> None:
    """Put into each place the least of the values that it is given; no sort, no slow `minimum.at`.

    Args:
        found: what there is, each above all values, shape (places,); it is changed.
        places: shape (values,).
        values: shape (values,).

    >>> found = np.full(3, 9)
    >>> put_least(found, np.array([0, 2, 0, 0]), np.array([5, 4, 3, 6]))
    >>> found.tolist()
    [3, 9, 4]
    """
    while len(values):
        found[places[::-1]] = values[::-1]  # the first of a place stays, most often the least
        less = values < found[places]
        places, values = places[less], values[less]


def by_source(reader: Reader, first: int, last: int) -> Rows:
    """Return where the samples of the exposures in `shown` came from, the largest first."""
    origins = Origins.read(reader, first, last)
    shown = reader.arrow(load("audit/of_samples"))
    columns = {name: shown[name].to_numpy() for name in shown.column_names}
    ids = columns.pop("sample_id")
    seen = np.zeros(last - first + 1, bool)
    seen[ids - first] = True
    samples = origins.count(origins.places[seen])
    told = {name: reader.value(f"select count({name}) > 0 from shown") for name in NOT_ALWAYS}
    places = origins.of(ids)
    counted = {"exposures": origins.count(places)}
    counted |= {
        name: origins.count(places, weights)
        for name, weights in columns.items()
        if name not in NOT_ALWAYS or told[name]
    }
    rows: Rows = [
        {"source": origins.name(place), "samples": number}
        | dict.fromkeys(("exposures", "contributed", *NOT_ALWAYS))
        | {name: values[place] for name, values in counted.items()}
        for place, number in enumerate(samples)
        if number
    ]
    return sorted(rows, key=lambda row: (-row["exposures"], row["source"]))
