"""Vectors sorted to their nearest centres, which an index is built on, by products of matrices.

Lance would find both by itself: it compares each vector with each centre alone, and float16 number
by number, which takes most of an hour where this takes a minute.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch.nn.functional import normalize

from catalog.progress import Progress, Tick
from catalog.similarity.product import as_tensor
from catalog.vectors import Floats

SAMPLED = 64
"""Vectors to learn each centre from."""

SAMPLED_BYTES = 1 << 28
"""What they may take in all."""

ROUNDS = 8
BLOCK_ROWS = 8192
BLOCKS_AHEAD = 4
READ_BYTES = 1 << 26
"""What Lance may hold that it has read; by default it is gigabytes."""

SCHEMA = pa.schema([("row_id", pa.uint64()), ("partition", pa.uint32())])


def partition(dataset: Any, count: int, path: Path, progress: Progress) -> Floats:  # noqa: ANN401
    """Find centres, and write down which of them is nearest to each vector.

    The same vectors have the same centres on the same machine. Nothing exact depends on them.

    Args:
        dataset: Lance's, with a column `vector` of length 1.
        count: how many centres; at most as many as there are vectors.
        path: where to write a Lance dataset of row_id (uint64) and partition (uint32).
        progress: is told how many vectors are sorted.

    Returns:
        The centres, float32 (count, width), of length 1.
    """
    import lance

    rows = int(dataset.count_rows())
    centres = _learned(_sample(dataset, rows, count), count)
    lance.write_dataset(
        _sorted(dataset, centres, rows, progress), path, schema=SCHEMA, max_rows_per_file=rows + 1
    )
    return np.asarray(centres.numpy())


def _sample(dataset: Any, rows: int, count: int) -> torch.Tensor:  # noqa: ANN401
    """Return vectors to learn from, shuffled, in their stored dtype."""
    kind = dataset.schema.field("vector").type
    fitting = SAMPLED_BYTES // (kind.list_size * kind.value_type.bit_width // 8)
    size = min(rows, max(min(count * SAMPLED, fitting), count))
    random = np.random.default_rng(0)
    chosen = np.sort(random.choice(rows, size, replace=False, shuffle=False))
    found = dataset.take(chosen.tolist(), columns=["vector"])["vector"].combine_chunks()
    return _matrix(found)[torch.from_numpy(random.permutation(size))]


def _learned(sample: torch.Tensor, count: int) -> torch.Tensor:
    """Return centres by k-means on the sphere, begun with the first of the sample."""
    centres = normalize(sample[:count].float())
    for _ in range(ROUNDS):
        sums, sizes = torch.zeros_like(centres), torch.zeros(count, dtype=torch.int64)
        for block in torch.split(sample, BLOCK_ROWS):
            nearest = _nearest(block, centres)
            sums.index_add_(0, nearest, block.float())
            sizes += nearest.bincount(minlength=count)
        held = sizes > 0
        centres[held] = normalize(sums[held])
    return centres


def _sorted(
    dataset: Any,  # noqa: ANN401
    centres: torch.Tensor,
    rows: int,
    progress: Progress,
) -> Iterator[pa.RecordBatch]:
    """Give every row with the number of its centre."""
    scanner = dataset.scanner(
        columns=["vector"],
        with_row_id=True,
        batch_size=BLOCK_ROWS,
        batch_readahead=BLOCKS_AHEAD,
        fragment_readahead=1,
        io_buffer_size=READ_BYTES,
    )
    done = 0
    for batch in scanner.to_batches():
        nearest = _nearest(_matrix(batch["vector"]), centres)
        numbers = pa.array(nearest.numpy().astype(np.uint32))
        yield pa.record_batch([batch["_rowid"], numbers], schema=SCHEMA)
        done += batch.num_rows
        progress(Tick("sort", done / rows, {"samples": done}))


def _nearest(block: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    """Return the number of the nearest centre of each vector, int64 (vectors,)."""
    dtype = _dtype()
    return (block.to(dtype) @ centres.to(dtype).T).argmax(dim=1)


def _dtype() -> torch.dtype:
    """Return bfloat16 where the processor multiplies it, which takes a third of the time."""
    able = any(there for name, there in torch.cpu.get_capabilities().items() if "bf16" in name)
    return torch.bfloat16 if able else torch.float32


def _matrix(vectors: pa.FixedSizeListArray) -> torch.Tensor:
    """Return vectors as a tensor (vectors, width)."""
    return as_tensor(vectors.flatten().to_numpy().reshape(-1, vectors.type.list_size))
