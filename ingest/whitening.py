"""The whiten job: a transform is fitted on a space's vectors, and applied to all of them.

Killed while fitting, it fits again; killed later, it goes on with the transform that was kept.
"""

from dataclasses import replace
from time import monotonic

import numpy as np

from catalog.api import Catalog
from catalog.errors import InvalidInput, MissingVectors, SpaceMismatch
from catalog.home import Home
from catalog.model import NamedSpace, StoredDtype, check_name
from catalog.progress import Progress, Tick, silent
from catalog.spaces import find_space, pool_ids, the_space
from catalog.sql import load
from catalog.store import Store
from catalog.vectors import Ids, Vectors
from catalog.whitening import BLOCK_ROWS, Derivation, Moments, Whitening, digest, transform_path
from ingest.derived import WhitenReport, transform


def whiten(
    catalog: Catalog,
    name: str,
    *,
    base: str,
    components: int = 512,
    sample: int = 500_000,
    seed: int = 0,
    store: StoredDtype | None = None,
    skip_missing: bool = False,
    progress: Progress = silent,
) -> WhitenReport:
    """Make a whitened space of another one, or fill in what it lacks.

    Args:
        catalog: the catalog to work on.
        name: of the new space.
        base: the space whose vectors are whitened.
        components: how many main components to keep: the new space's width.
        sample: how many samples of the pool to fit on, at most.
        seed: of their draw.
        store: dtype on disk; the base's if None.
        skip_missing: go on where pool samples have no vector in the base.
        progress: is told how far the job is.

    Raises:
        InvalidInput: more components than the base is wide, or than the fitted vectors have.
        MissingVectors: the base lacks vectors of pool samples.
        SpaceMismatch: the name stands for a space made otherwise.
        HomeBusy: another process is filling this space.
    """
    check_name(name)
    asked = {"components": components, "sample": sample, "seed": seed}
    for option in ("components", "sample"):
        if asked[option] < 1:
            raise InvalidInput(f"{option} is {asked[option]}, expected at least 1", hint="Try 64.")
    with Store(catalog.home).read() as reader:
        source = the_space(reader, base)
        known = find_space(reader, name)
    dtype = store or source.space.stored_dtype
    if known:
        _require_same(known, {**asked, "base": source.space.table_name}, dtype)
        return transform(catalog.home, known, None, skip_missing, progress)
    if source.space.derivation:
        raise InvalidInput(
            f"the space {base!r} is whitened itself",
            hint="Name the space that it is made of; `catalog spaces` tells.",
        )
    if components > source.space.width:
        raise InvalidInput(
            f"{components:,} components were asked for, the space {base!r} is "
            f"{source.space.width:,} wide",
            hint=f"Use --components {source.space.width} or fewer.",
        )
    begun_at = monotonic()
    drawn = _draw(catalog.home, source, sample, seed, skip_missing)
    derivation = Derivation(
        source.space.table_name, components, sample, seed, digest(drawn[1]), len(drawn[0])
    )
    space = replace(
        source.space, width=components, stored_dtype=dtype, derivation=derivation.text()
    )
    fitted = _fit(catalog.home, source, drawn[0], components, progress)
    fitted.save(transform_path(catalog.home, space))
    made = NamedSpace(0, name, space, source.location)
    return transform(catalog.home, made, begun_at, skip_missing, progress)


def _require_same(known: NamedSpace, asked: dict[str, object], dtype: StoredDtype) -> None:
    """Check that a known space is made as asked; what it was fitted on stays as it was."""
    derivation = Derivation.read(known.space)
    if derivation is None:
        raise SpaceMismatch(
            f"the space {known.name!r} is made by the model {known.space.model}, not whitened",
            hint="Choose another name for the new space.",
        )
    made = {name: getattr(derivation, name) for name in asked}
    pairs = {name: (made[name], asked[name]) for name in asked}
    pairs["store"] = (known.space.stored_dtype, dtype)
    told = [
        f"{name} is {is_!r}, asked for {was!r}" for name, (is_, was) in pairs.items() if is_ != was
    ]
    if told:
        raise SpaceMismatch(
            f"the space {known.name!r} was made otherwise: {'; '.join(told)}",
            hint="Ask for the same to continue it, or choose another name for a new space.",
        )


def _draw(
    home: Home, source: NamedSpace, sample: int, seed: int, skip_missing: bool
) -> tuple[Ids, list[bytes]]:
    """Draw the samples to fit on: ids and content hashes, in order of the draw."""
    import pyarrow as pa

    with Store(home).read() as reader:
        pool = pool_ids(reader)
    missing = Vectors(home, source.space, "sample").missing(pool)
    if len(missing) and (len(missing) == len(pool) or not skip_missing):
        raise MissingVectors(
            f"the space {source.name!r} has no vectors for {len(missing):,} of {len(pool):,} "
            "samples of the pool",
            hint=f"Run `catalog embed --space {source.name}` for what is missing, or go on without "
            "them with --skip-missing.",
        )
    held = np.setdiff1d(pool, missing, assume_unique=True)
    if not len(held):
        raise InvalidInput("the pool is empty: there is nothing to fit on", hint="Ingest first.")
    with Store(home).read() as reader:
        reader.register("held", pa.table({"sample_id": held}))
        drawn = reader.arrow(load("embed/draw"), seed=seed, size=sample)
    return drawn["sample_id"].to_numpy(), drawn["content_hash"].to_pylist()


def _fit(
    home: Home, source: NamedSpace, ids: Ids, components: int, progress: Progress
) -> Whitening:
    """Fit the transform in the order of the draw, so that no other order changes a bit of it."""
    lookup = Vectors(home, source.space, "sample").lookup()
    moments = Moments(source.space.width)
    for start in range(0, len(ids), BLOCK_ROWS):
        found = lookup.embedded(ids[start : start + BLOCK_ROWS])
        moments.add(found.vectors.astype(np.float64) * found.norms[:, None])
        progress(Tick("fit", moments.count / len(ids), {"samples": moments.count}))
    return moments.whitening(components, source.space.stored_dtype)
