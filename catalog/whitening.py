"""Whitened spaces: the main components of a space's unnormalised vectors, each of variance 1.

The method is CRDS-W (arXiv 2602.13773). The transform is fitted on a seeded sample of the pool, in
one fixed order and in float64, so that neither the order of ingest nor rounding decides about it.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from catalog.errors import InvalidInput, StoreError
from catalog.home import Home
from catalog.model import EmbeddingSpace, StoredDtype
from catalog.vectors import Floats

BLOCK_ROWS = 4096
ROUNDING = 6
"""Rounding by a part eps has a variance of at most a twelfth of its square; twice that is no
component for sure."""

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Derivation:
    """How a whitened space was made, as its contract keeps it.

    Attributes:
        base: the table of the space it was made of.
        components: how many are kept: its width.
        sample: how many samples were to be fitted on, at most.
        seed: of their draw.
        fitted: SHA-256 over the content hashes of those that were, in order of the draw.
        fitted_samples: how many they were.
    """

    base: str
    components: int
    sample: int
    seed: int
    fitted: str
    fitted_samples: int

    @classmethod
    def read(cls, space: EmbeddingSpace) -> "Derivation | None":
        """Return how a space was derived, or None if a model makes its vectors."""
        return cls(**json.loads(space.derivation)["whiten"]) if space.derivation else None

    def text(self) -> str:
        """Return it as the contract of a space holds it.

        >>> Derivation("embedding_1", 2, 10, 0, "ab", 10).text()
        '{"whiten":{"base":"embedding_1","components":2,"fitted":"ab","fitted_samples":10,"sample":10,"seed":0}}'
        """
        return json.dumps({"whiten": vars(self)}, sort_keys=True, separators=(",", ":"))


def digest(content_hashes: Iterable[bytes]) -> str:
    """Return the SHA-256 over content hashes, in hexadecimal."""
    whole = sha256()
    for content_hash in content_hashes:
        whole.update(content_hash)
    return whole.hexdigest()


@dataclass(frozen=True)
class Whitening:
    """A fitted transform.

    Attributes:
        mean: float64 (width,), of the fitted vectors.
        matrix: float64 (width, components): the main directions, each over its deviation.
    """

    mean: Doubles
    matrix: Doubles

    def project(self, vectors: npt.NDArray[Any]) -> Doubles:
        """Return unnormalised vectors whitened, (n, width) to float64 (n, components).

        Over the vectors that were fitted the result has mean 0 and the identity as covariance.
        """
        found = np.empty((len(vectors), self.matrix.shape[1]))
        block = np.zeros((BLOCK_ROWS, len(self.mean)))  # one shape: bits depend on it
        for start in range(0, len(vectors), BLOCK_ROWS):
            part = vectors[start : start + BLOCK_ROWS]
            block[: len(part)] = part - self.mean
            found[start : start + len(part)] = (block @ self.matrix)[: len(part)]
        return found

    def apply(self, vectors: Floats, norms: Floats) -> tuple[Floats, Floats]:
        """Return stored vectors in the whitened space.

        Args:
            vectors: float32 (n, width), of length 1.
            norms: float32 (n,): their lengths before that.

        Returns:
            float32 (n, components), of length 1, and their lengths before that, float32 (n,). What
            equals the mean has no direction: it stays 0, as near to everything as to nothing.
        """
        projected = self.project(vectors.astype(np.float64) * norms[:, None])
        lengths = np.linalg.norm(projected, axis=1)
        projected /= np.where(lengths > 0, lengths, 1.0)[:, None]
        return projected.astype(np.float32), lengths.astype(np.float32)

    def save(self, path: Path) -> None:
        """Write it as safetensors; whoever looks meanwhile finds it whole or not at all."""
        from safetensors.numpy import save_file

        aside = path.with_name(f".{path.name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            save_file({"mean": self.mean, "matrix": np.ascontiguousarray(self.matrix)}, str(aside))
            os.replace(aside, path)
        except OSError as error:
            raise StoreError(
                f"cannot write {path}: {error}", hint="Is there room, and may you write there?"
            ) from error

    @classmethod
    def load(cls, path: Path) -> "Whitening":
        """Read what `save` wrote.

        Raises:
            StoreError: it is not there, or damaged.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            found = load_file(str(path))
            return cls(found["mean"], found["matrix"])
        except (OSError, SafetensorError, KeyError) as error:
            raise StoreError(
                f"the transform {path} cannot be read: {error}",
                hint="Restore it from a backup, or make the space anew under another name.",
            ) from error


def transform_path(home: Home, space: EmbeddingSpace) -> Path:
    """Return where a whitened space's transform is kept: beside its vectors."""
    return home.vectors / f"{space.table_name}.safetensors"


class Moments:
    """Mean and covariance of vectors that come in blocks; holds width by width numbers."""

    def __init__(self, width: int) -> None:
        self.count = 0
        self._shift = np.zeros(width)
        self._sum = np.zeros(width)
        self._products = np.zeros((width, width))

    def add(self, vectors: Doubles) -> None:
        """Take a block in, float64 (n, width)."""
        if not self.count:
            # Far from 0, squares would swallow the spread: measure from about the middle.
            self._shift = vectors.mean(axis=0)
        shifted = vectors - self._shift
        self.count += len(vectors)
        self._sum += shifted.sum(axis=0)
        self._products += shifted.T @ shifted

    @property
    def mean(self) -> Doubles:
        """The mean, float64 (width,)."""
        return np.asarray(self._shift + self._sum / self.count)

    @property
    def covariance(self) -> Doubles:
        """The covariance, float64 (width, width); of a sample, so over count - 1."""
        away = self._sum / self.count
        products = self._products - self.count * np.outer(away, away)
        return np.asarray(products / max(self.count - 1, 1))

    def whitening(self, components: int, stored: StoredDtype) -> Whitening:
        """Return the transform to the main components.

        Args:
            components: how many to keep.
            stored: dtype in which the vectors were stored: what lies within its rounding is none.

        Raises:
            InvalidInput: the vectors do not have so many.
        """
        values, directions = np.linalg.eigh(self.covariance)
        values, directions = values[::-1], directions[:, ::-1]
        squares = np.diag(self.covariance) + self.mean**2
        rounding = np.finfo(stored).eps ** 2 / ROUNDING * (directions.T**2 @ squares)
        least = len(values) * np.finfo(float).eps * values[0]
        rank = int(np.append(values <= np.maximum(rounding, least), True).argmax())
        if components > rank:
            raise InvalidInput(
                f"{components:,} components were asked for, and the {self.count:,} vectors fitted "
                f"on have {rank:,}",
                hint=f"Use at most --components {rank}, or fit on more samples.",
            )
        kept = directions[:, :components]
        largest = kept[np.abs(kept).argmax(axis=0), np.arange(components)]
        kept = kept * np.where(largest < 0, -1.0, 1.0)  # a direction and its opposite are one
        return Whitening(self.mean, kept / np.sqrt(values[:components]))
