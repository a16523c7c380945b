"""LanceDB: the vectors of every space, pool samples and queries in tables of their own."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import timedelta
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from catalog.errors import StoreError
from catalog.home import Home
from catalog.model import EmbeddingSpace
from catalog.pieces import Layout, Piece, pieces

Kind = Literal["sample", "query"]
Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]

COMPACT_AT_FRAGMENTS = 64
OLD_VERSIONS_KEPT = timedelta(hours=1)
SCAN_ROWS = 8192
SCAN_BYTES = 1 << 23
"""What one piece of a scan holds at most: Lance reads sixteen of them ahead."""

FACT_BYTES = 60
"""What a row takes beside its vector, here and in DuckDB."""


@dataclass(frozen=True)
class Embedded:
    """Vectors as they are computed.

    Attributes:
        ids: int64 (n,): sample or query ids.
        vectors: float32 (n, width), of length 1.
        norms: float32 (n,): lengths before they were made 1.
        tokens: int32 (n,): of the whole text, before any cut.
        truncated: bool (n,): whether the text was cut.
    """

    ids: Ids
    vectors: Floats
    norms: Floats
    tokens: npt.NDArray[np.int32]
    truncated: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, parts: Sequence["Embedded"]) -> "Embedded":
        """Return several as one, in their order."""
        names = [field.name for field in fields(cls)]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def table(self, key: str, stored: npt.DTypeLike) -> pa.Table:
        """Return it as Arrow, vectors in the dtype they are stored in."""
        flat = pa.array(self.vectors.astype(stored).ravel())
        return pa.table(
            {
                key: self.ids,
                "vector": pa.FixedSizeListArray.from_arrays(flat, self.vectors.shape[1]),
                "norm": self.norms,
                "tokens": self.tokens,
                "truncated": self.truncated,
            }
        )


@contextmanager
def _mapped(what: str) -> Iterator[None]:
    """Turn what LanceDB raises into our error."""
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        raise StoreError(
            f"LanceDB failed to {what}: {error}", hint="Is the disk full, or a file damaged?"
        ) from error


class Vectors:
    """The vectors of one space, either of pool samples or of queries."""

    def __init__(self, home: Home, space: EmbeddingSpace, kind: Kind) -> None:
        self._home = home
        self._key = f"{kind}_id"
        self._stored = np.dtype(space.stored_dtype)
        self._width = space.width
        self._name = space.table_name + ("" if kind == "sample" else "_query")
        self._folder = home.vectors / f"{self._name}.lance"
        if not (self._folder / "_versions").is_dir():
            self._opened()

    @cached_property
    def _table(self) -> Any:  # noqa: ANN401
        return self._opened()

    def _opened(self) -> Any:  # noqa: ANN401
        """Return LanceDB's table, to write to: to read without it takes a second less to start."""
        import lancedb

        with _mapped("open the vectors"):
            database = lancedb.connect(self._home.vectors)
            return database.create_table(self._name, schema=self._schema(), exist_ok=True)

    def _schema(self) -> pa.Schema:
        key = pa.field(
            self._key,
            pa.int64(),
            nullable=False,
            metadata={"lance-schema:unenforced-primary-key": "true"},
        )
        vector = pa.list_(pa.from_numpy_dtype(self._stored), self._width)
        return pa.schema(
            [
                key,
                pa.field("vector", vector, nullable=False),
                pa.field("norm", pa.float32(), nullable=False),
                pa.field("tokens", pa.int32(), nullable=False),
                pa.field("truncated", pa.bool_(), nullable=False),
            ]
        )

    def append(self, embedded: Embedded, *, new: bool = False) -> None:
        """Add vectors in one commit; a key that is there already stays as it is.

        Args:
            embedded: the vectors, no key twice.
            new: no key is there yet, and nobody else adds any meanwhile, as who calls knows: then
                they are not looked for, which takes the longer the more there are.
        """
        rows = embedded.table(self._key, self._stored).cast(self._schema())
        with _mapped("store vectors"):
            self._table.checkout_latest()
            if new:
                self._table.add(rows)
                return
            merge = self._table.merge_insert(self._key).when_not_matched_insert_all()
            merge.execute(rows)

    def require_room(self, rows: int) -> None:
        """Check that the disk has room for so many more vectors.

        Raises:
            StoreError: it has not.
        """
        needed = rows * (self._width * self._stored.itemsize + FACT_BYTES)
        free = shutil.disk_usage(self._home.path).free
        if free < needed:
            raise StoreError(
                f"{rows:,} vectors need {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free at "
                f"{self._home.path}",
                hint="Free some space, or store float16.",
            )

    def facts(self) -> pa.Table:
        """Return every row without its vector: id, norm, tokens, truncated."""
        with _mapped("read vectors"):
            return self._dataset().to_table(columns=[self._key, "norm", "tokens", "truncated"])

    def count(self) -> int:
        """Return how many vectors there are."""
        with _mapped("read vectors"):
            return int(self._dataset().count_rows())

    def ids(self) -> Iterator[Ids]:
        """Stream the ids of all vectors, in any order."""
        with _mapped("read vectors"):
            for batch in self._dataset().to_batches(columns=[self._key]):
                yield batch.column(0).to_numpy()

    def missing(self, wanted: Ids) -> Ids:
        """Return those of some ids, each once, that have no vector, ascending."""
        with _mapped("read vectors"):
            held = self._dataset().to_table(columns=[self._key])[self._key].to_numpy()
        if not len(wanted):
            return wanted
        # Ids are dense: an array of flags takes far less time than sorting both sides.
        there = np.zeros(int(wanted.max()) + 1, np.bool_)
        there[held[held < len(there)]] = True
        return np.sort(wanted[~there[wanted]])

    def pieces(self) -> Iterator[Piece]:
        """Stream all vectors, each piece still to be read by whoever takes it."""
        layout = Layout(self._key, self._width, self._stored, self._folder / "data")
        with _mapped("read vectors"):
            yield from pieces(self._dataset(), layout, self._scan_rows)

    @property
    def _scan_rows(self) -> int:
        return min(SCAN_ROWS, max(SCAN_BYTES // (self._width * self._stored.itemsize), 1))

    def scan(self) -> Iterator[tuple[Ids, npt.NDArray[Any]]]:
        """Stream all vectors: ids (n,) and vectors (n, width) in their stored dtype."""
        rows = self._scan_rows
        with _mapped("read vectors"):
            for batch in self._dataset().to_batches(columns=[self._key, "vector"], batch_size=rows):
                ids, vectors = batch.column(0), batch.column(1)
                yield ids.to_numpy(), vectors.flatten().to_numpy().reshape(-1, self._width)

    def of(self, ids: Sequence[int]) -> Floats:
        """Return the vectors of these ids in this order, float32 (n, width).

        Raises:
            KeyError: with those that have none.
        """
        return self.lookup().of(np.asarray(ids, np.int64))

    def lookup(self) -> "Lookup":
        """Return these vectors for access by id."""
        with _mapped("read vectors"):
            dataset = self._dataset()
            ids = dataset.to_table(columns=[self._key])[self._key].to_numpy()
        return Lookup(dataset, np.asarray(ids), self._width)

    def compact(self) -> None:
        """Merge small fragments when there are many, and drop versions nobody reads any more."""
        with _mapped("compact vectors"):
            if len(self._dataset().get_fragments()) >= COMPACT_AT_FRAGMENTS:
                self._table.checkout_latest()
                self._table.optimize(cleanup_older_than=OLD_VERSIONS_KEPT)

    def _dataset(self) -> Any:  # noqa: ANN401
        import lance

        return lance.dataset(str(self._folder))


class Lookup:
    """Vectors by id, a few at a time: finds them by their row rather than by reading them all.

    Args:
        dataset: of Lance, at one version.
        ids: of its rows, in their order.
        width: numbers per vector.
    """

    def __init__(self, dataset: Any, ids: Ids, width: int) -> None:  # noqa: ANN401
        self.width = width
        self._dataset = dataset
        self._order = np.argsort(ids, kind="stable")
        self._ids = ids[self._order]

    @property
    def size_bytes(self) -> int:
        """What it takes in memory."""
        return self._order.nbytes + self._ids.nbytes

    def of(self, ids: Ids) -> Floats:
        """Return the vectors of these ids in this order, float32 (n, width).

        Raises:
            KeyError: with those that have none.
        """
        return self._vectors(*self._take(ids, ["vector"]))

    def embedded(self, ids: Ids) -> Embedded:
        """Return all that is stored of these ids, in this order.

        Raises:
            KeyError: with those that have none.
        """
        found, back = self._take(ids, ["vector", "norm", "tokens", "truncated"])
        facts = (found[name].to_numpy()[back] for name in ("norm", "tokens", "truncated"))
        return Embedded(ids, self._vectors(found, back), *facts)

    def _vectors(self, found: pa.Table, back: Ids) -> Floats:
        whole = found["vector"].combine_chunks().flatten().to_numpy().reshape(-1, self.width)
        return np.asarray(whole[back], np.float32)

    def _take(self, ids: Ids, columns: list[str]) -> tuple[pa.Table, Ids]:
        """Return the rows of these ids, each once, and where in them each of the ids is."""
        places = np.minimum(np.searchsorted(self._ids, ids), max(len(self._ids) - 1, 0))
        if len(self._ids) == 0 or (self._ids[places] != ids).any():
            known = set(self._ids.tolist())
            raise KeyError(sorted(set(ids.tolist()) - known))
        rows = self._order[places]
        with _mapped("read vectors"):
            # Sorted and each once, as Lance reads fastest and gives rows back without fail.
            wanted, back = np.unique(rows, return_inverse=True)
            return self._dataset.take(wanted.tolist(), columns=columns), back
