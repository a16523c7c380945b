"""Make a home with samples, snapshots and ledgers that nobody trained: HOME SAMPLES RUNS EXPOSURES.

A run goes over its own part of the pool one to three times, shuffled anew each time, in batches
of 128, on one or two processes; one in eight packs its samples into rows of 2,048 tokens, and one
in eight was flushed every few steps. Prints a sample, a source and a run to ask about, as JSON.
"""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import click
import numpy as np
import pyarrow as pa

import catalog
from catalog import Catalog, schema
from catalog.ledger import SCHEMAS, RunFolder, encode
from catalog.store import Store

BATCH = 128
SOURCES = 8
SAMPLES_PER_CHANGE = 500_000
ROWS_PER_SEGMENT = 500_000
ROWS_PER_SMALL_SEGMENT = 4_096
STEPS_PER_CHECKPOINT = 1_000
TOKENS = (20, 2_048)
SAMPLE = """
select
    sample_id,
    content_hash,
    order_key,
    [{'role': 'user', 'content': 'sample ' || sample_id, 'extra': null}] as messages,
    1 as turns,
    7 + length(sample_id::varchar) as characters,
    1 + sample_id % $sources as source_id
from made
"""
APPEARANCE = """
select
    i as sample_id,
    1 + i % $sources as source_id,
    'made.jsonl' as file,
    i as line,
    1 as job_id,
    false as repeated
from range($first::bigint, $last::bigint) as t(i)
"""


def main(place: str, samples: int, runs: int, exposures: int) -> None:
    """Make all of it, always the same."""
    home = catalog.init(place)
    raw = b"".join(sha256(b"sample %d" % (number + 1)).digest() for number in range(samples))
    hashes = np.frombuffer(raw, np.uint8).reshape(-1, 32)
    fill(home, hashes)
    each = exposures // runs
    snapshot = "made@1"
    home.select("made", method="random", size=min(samples, max(1, each)))
    size_bytes = 0
    for number in range(runs):
        size_bytes += log(home, number, each, hashes, snapshot)
    asked = {"sample": hashes[samples // 2].tobytes().hex(), "source": "made-1", "run": name(1)}
    click.echo(json.dumps({**asked, "exposures": each * runs, "ledger_bytes": size_bytes}))


def fill(home: Catalog, hashes: Any) -> None:
    """Put samples into the pool, without the text that a benchmark of ledgers does not read."""
    with Store(home.home).write("ingest") as transaction:
        for number in range(SOURCES):
            made = {"name": f"made-{number}", "revision": "main", "format": "messages"}
            transaction.insert(schema.source, {"source_id": number + 1, **made})
    for first in range(0, len(hashes), SAMPLES_PER_CHANGE):
        part = np.ascontiguousarray(hashes[first : first + SAMPLES_PER_CHANGE])
        columns = {
            "sample_id": np.arange(first + 1, first + len(part) + 1),
            "content_hash": column(part),
            "order_key": part[:, :8].copy().view(">i8")[:, 0].astype(np.int64),
        }
        with Store(home.home).write("ingest") as transaction:
            sources = {"sources": SOURCES}
            transaction.insert_select(schema.sample, SAMPLE, sources, made=pa.table(columns))
            ids = {"first": first + 1, "last": first + len(part) + 1, **sources}
            transaction.insert_select(schema.sample_source, APPEARANCE, ids)


def column(hashes: Any) -> pa.Array:
    """Return rows of 32 bytes as Arrow holds content hashes."""
    raw = pa.py_buffer(np.ascontiguousarray(hashes))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(32), len(hashes), [None, raw])


def name(number: int) -> str:
    """Return what a run is called."""
    return f"made-{number:03d}"


def log(home: Catalog, number: int, exposures: int, hashes: Any, snapshot: str) -> int:
    """Write one run's ledger and return its bytes."""
    random = np.random.default_rng(number)
    folder = RunFolder(home.home.path, name(number))
    folder.describe({"snapshots": [snapshot], "model": f"made-{number % 3}", "parent": None})
    ranks, epochs = 1 + number % 2, 1 + number % 3
    rows = ROWS_PER_SMALL_SEGMENT if number % 8 == 3 else ROWS_PER_SEGMENT
    seen = random.permutation(len(hashes))[: max(BATCH, exposures // epochs)]
    tokens = np.random.default_rng(1).integers(*TOKENS, len(hashes)).astype(np.int32)
    sizes = 0
    for rank in range(ranks):
        claim = {"rank": rank, "world_size": ranks, "parent": None, "told": {}}
        claim["started_at"] = datetime.now(UTC).isoformat()
        folder.put(f"attempt-0000-{rank:05d}.json", json.dumps(claim).encode())
        share = exposures // ranks
        ordered = np.concatenate([random.permutation(seen) for _ in range(-(-share // len(seen)))])
        told = {"run": name(number), "attempt": "0", "rank": str(rank)}
        segments = pieces(ordered[:share], tokens, rows, packed=number % 8 == 5)
        for place, (kind, columns) in enumerate(segments):
            if kind == "exposures":
                columns["content_hash"] = column(hashes[columns.pop("sample")])
            content = encode(kind, columns, told)
            path = Path(folder.path) / f"0000-{rank:05d}-{place:08d}.{kind}.arrow"
            path.write_bytes(content)
            sizes += len(content)
    return sizes


def pieces(
    samples: Any, tokens: Any, rows: int, *, packed: bool
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the segments of one process: exposures, then the steps they belong to."""
    rows = max(BATCH, rows // BATCH * BATCH)
    for first in range(0, len(samples), rows):
        part = samples[first : first + rows]
        index = np.arange(first, first + len(part))
        step = 1 + index // BATCH
        length = tokens[part]
        row = index % BATCH // 4 if packed else index % BATCH
        nothing = np.zeros(len(part), np.int32)
        start = np.where(index % 4, np.roll(np.minimum(length, 512), 1), 0) if packed else nothing
        columns: dict[str, Any] = dict.fromkeys(SCHEMAS["exposures"].names)
        columns |= {
            "sample": part,
            "step": step,
            "micro_step": nothing,
            "position": (index % BATCH).astype(np.int32),
            "epoch": (index // max(1, len(samples))).astype(np.int32),
            "dataset_position": part.astype(np.int64),
            "batch_row": row.astype(np.int32),
            "row_start": start.astype(np.int32),
            "sample_start": nothing,
            "tokens": length,
            "truncated_tokens": np.maximum(length - 2_000, 0).astype(np.int32),
            "loss_tokens": (length * 2 // 3).astype(np.int32),
            "repeated": np.zeros(len(part), np.bool_),
        }
        yield "exposures", columns
        ended, counts = np.unique(step, return_counts=True)
        lacks = [None] * len(ended)
        yield (
            "steps",
            {
                "step": ended,
                "exposures": counts,
                "applied": np.ones(len(ended), np.bool_),
                "reason": lacks,
                "digest": lacks,
            },
        )
        kept = ended[ended % STEPS_PER_CHECKPOINT == 0]
        if len(kept):
            paths = [f"checkpoints/{step}" for step in kept]
            yield "checkpoints", {"step": kept, "path": paths}


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
