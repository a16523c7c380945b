"""`catalog embed` with MiniLM in float32, against sentence-transformers on the same texts.

Two figures of the same runs. Encoding: models are loaded on both sides before the clock starts;
ours still reads the samples from the catalog and stores the vectors, theirs has the texts in
memory and returns an array. Whole command: everything from start to end on both sides, theirs
saving its array to a file.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import catalog
from ingest.template import plain

from .material import Plan, write_jsonl
from .measure import Measured, Series, catalog_command, in_turns, program, run, spread
from .report import cores
from .result import Goal, Stage

MAX_TOKENS = 256
SPACE = "minilm"
PEER = "sentence-transformers"
GOAL = Goal(ratio=1)


def measure(plan: Plan) -> Iterator[Stage]:
    """Measure it: each repeat of ours begins with a copy of a home that holds no vector."""
    folder = plan.room("embed")
    seed = folder / "seed"
    rows = write_jsonl(folder / "texts.jsonl", plan.conversations(plan.texts))
    run(catalog_command("--home", seed, "init"))
    run(catalog_command("--home", seed, "ingest", rows))
    texts = folder / "texts.json"
    count = write_texts(seed, texts)
    environment = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": str(cores())}

    def ours(repeat: int) -> Measured:
        home = folder / f"home-{repeat}"
        shutil.copytree(seed, home)
        options = ("--space", SPACE, "--model", "minilm", "--max-tokens", str(MAX_TOKENS))
        exact = ("--dtype", "float32", "--store", "float32", "--device", "cpu", "--json")
        return run(catalog_command("--home", home, "embed", *options, *exact), environment)

    def peer(repeat: int) -> Measured:
        output = folder / f"peer-{repeat}.npy"
        return run(program("encode", texts, output, str(MAX_TOKENS)), environment)

    our, their = in_turns("embed", plan.repeats, ours, peer)
    cosine = smallest_cosine(folder / "home-0", folder / "peer-0.npy")
    yield from _stages(f"{count:,} texts of {MAX_TOKENS} tokens at most", our, their, cosine)


def _stages(size: str, our: Series, their: Series, cosine: float) -> Iterator[Stage]:
    encoding, encoding_of_peer = our.said("seconds"), their.said("seconds")
    yield Stage(
        "embed: encoding",
        size,
        median(encoding),
        our.peak_memory_bytes,
        f"{PEER} encode",
        median(encoding_of_peer),
        GOAL,
        (
            "loading the model excluded on both sides; ours includes reading and storing",
            f"ours {spread(encoding)}, peer {spread(encoding_of_peer)}, {cores()} threads each",
            f"smallest cosine between our vectors and the peer's: {cosine:.7f}",
        ),
    )
    yield Stage(
        "embed: whole command",
        size,
        our.seconds,
        our.peak_memory_bytes,
        f"{PEER} script",
        their.seconds,
        GOAL,
        (
            "loading the model included on both sides",
            f"ours: {our.facts}",
            f"peer: {their.facts}",
        ),
    )


def write_texts(home: Path, output: Path) -> int:
    """Write the text of every sample as the space defines it, in order of sample, for the peer."""
    rows = catalog.open(home).sql("select messages from sample order by sample_id").to_pylist()
    texts = [plain(row["messages"], "").text for row in rows]
    output.write_text(json.dumps(texts), encoding="utf-8")
    return len(texts)


def smallest_cosine(home: Path, array: Path) -> float:
    """Compare our vectors with the peer's, sample by sample; 1 is the same direction."""
    import numpy as np

    from catalog.spaces import pool_ids, the_space
    from catalog.store import Store
    from catalog.vectors import Vectors

    place = catalog.open(home).home
    with Store(place).read() as reader:
        ids, named = pool_ids(reader), the_space(reader, SPACE)
    ours = Vectors(place, named.space, "sample").of(ids.tolist()).astype(np.float64)
    theirs = np.load(array, allow_pickle=False).astype(np.float64)
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    return float(((ours * theirs).sum(axis=1) / lengths).min())
