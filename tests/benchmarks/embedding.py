"""`catalog embed` against sentence-transformers on the same texts, and what a large pool changes.

Encoding alone is compared: on both sides the clock starts when libraries and models are loaded.
Ours still reads the samples from the catalog and stores the vectors; theirs has the texts in memory
and returns an array.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import catalog
from ingest.template import plain

from . import gpu
from .material import Plan, write_jsonl
from .measure import Measured, Series, catalog_command, in_turns, program, run, spread
from .models import llama, write_llama
from .report import cores
from .result import Fact, Goal, Stage
from .stock import ingested

SPACE = "measured"
PEER = "sentence-transformers encode"
EXACT = Goal(ratio=1)
ROUNDED = Goal(ratio=0.5)
LEAST_COSINE = 0.9999
MOST_REPEATS = 2

FIRST_SECONDS = 15.0
"""The first batch, importing torch and transformers included."""

WATCHED_SECONDS = 4.0
MOST_GROWTH_MB = 150.0
"""Of memory, from a quarter of the pool to all of it."""


@dataclass(frozen=True)
class Setup:
    """What is embedded with what.

    Attributes:
        name: of the model, in words.
        model: as `--model` takes it.
        pooling: as `--pooling` takes it.
        texts: how many.
        max_tokens: longer ones are cut.
        repeats: how often each side runs.
    """

    name: str
    model: str
    pooling: str
    texts: int
    max_tokens: int
    repeats: int


def measure(plan: Plan) -> Iterator[Stage]:
    """Measure a sentence encoder, a language model, a large pool, and a GPU where there is one."""
    folder = plan.room("embed")
    shape = llama(4096, width=512, layers=12, heads=8, inner=1376)
    model = str(write_llama(folder / "llama", shape))
    repeats = min(plan.repeats, MOST_REPEATS)
    texts = max(plan.texts // 4, 8)
    yield from _encoding(plan, Setup("MiniLM", "minilm", "mean", texts, 256, repeats))
    few = max(plan.texts // 24, 8)
    setup = Setup("12-layer Llama, width 512", model, "weighted_mean", few, 512, 1)
    yield from _encoding(plan, setup)
    yield _first_batch(plan)
    yield from gpu.measure(plan)


def _encoding(plan: Plan, setup: Setup) -> Iterator[Stage]:
    """Measure in float32 and bfloat16; each run begins with a copy of a home without vectors."""
    folder = plan.room("encoding")
    seed, texts = write_home(plan, folder, setup.texts)
    environment = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": str(cores())}

    def ours(dtype: str, repeat: int) -> Measured:
        home = folder / f"{dtype}-{repeat}"
        shutil.copytree(seed, home)
        options = ("--space", SPACE, "--model", setup.model, "--pooling", setup.pooling)
        limits = ("--template", "plain", "--max-tokens", str(setup.max_tokens))
        exact = ("--dtype", dtype, "--store", "float32", "--device", "cpu", "--json")
        command = catalog_command("--home", home, "embed", *options, *limits, *exact)
        return run(command, environment)

    def peer(repeat: int) -> Measured:
        options = (str(setup.max_tokens), setup.model, "cpu")
        return run(program("encode", texts, folder / f"{repeat}.npy", *options), environment)

    float32, bfloat16, their = in_turns(
        f"embed {setup.name}",
        setup.repeats,
        lambda repeat: ours("float32", repeat),
        lambda repeat: ours("bfloat16", repeat),
        peer,
    )
    for dtype, series, goal in (("float32", float32, EXACT), ("bfloat16", bfloat16, ROUNDED)):
        rate = run(program("products", setup.model, dtype, "cpu"), environment).said
        tokens = series.runs[0].said["tokens"]
        cosine = smallest_cosine(folder / f"{dtype}-0", folder / "0.npy")
        limit = rate["per_token"] * tokens / rate["per_second"]
        yield _stage(setup, dtype, tokens, series, their, goal, limit, cosine)


def _stage(
    setup: Setup,
    dtype: str,
    tokens: int,
    our: Series,
    their: Series,
    goal: Goal,
    limit: float,
    cosine: float,
) -> Stage:
    encoding, encoding_of_peer = our.said("seconds"), their.said("seconds")
    return Stage(
        f"embed: {setup.name}, {dtype}",
        f"{setup.texts:,} texts, {tokens:,} tokens, {setup.max_tokens} at most",
        median(encoding),
        our.peak_memory_bytes,
        f"{PEER} float32",
        median(encoding_of_peer),
        goal,
        (
            "imports and loading a model left out on both sides; ours includes reading and storing",
            f"ours {spread(encoding)}, peer {spread(encoding_of_peer)}, {cores()} threads each",
            f"whole command: ours {our.facts}; peer {their.facts}",
        ),
        limit=f"the model's matrix products at the measured {dtype} rate",
        limit_s=limit,
        facts=(Fact("smallest cosine to the peer's float32", cosine, least=LEAST_COSINE),),
    )


def _first_batch(plan: Plan) -> Stage:
    """Measure how a job begins on the whole pool and on a quarter of it."""
    folder = plan.room("first")
    model = write_llama(folder / "model", llama(4096, width=64, layers=2, heads=4, inner=128))

    def begin(rows: int) -> Measured:
        home = folder / f"home-{rows}"
        shutil.copytree(ingested(plan, rows), home, ignore=shutil.ignore_patterns("vectors"))
        found = run(program("first_batch", home, model, str(WATCHED_SECONDS)))
        shutil.rmtree(home)
        return found

    quarter, whole = begin(plan.quarter), begin(plan.rows)
    facts = []
    if whole.peak_memory_bytes and quarter.peak_memory_bytes:
        grown = (whole.peak_memory_bytes - quarter.peak_memory_bytes) / 1e6
        facts.append(Fact("memory more than at a quarter, MB", grown, most=MOST_GROWTH_MB))
    return Stage(
        "embed: first batch",
        f"{plan.rows:,} samples",
        whole.said["seconds"],
        whole.peak_memory_bytes,
        goal=Goal(seconds=FIRST_SECONDS),
        notes=(
            "from the start of the interpreter, imports and loading a small model included",
            f"memory up to {WATCHED_SECONDS:g} s after the first batch; a quarter of the samples: "
            f"first batch after {quarter.said['seconds']:.2f} s",
        ),
        quarter_s=quarter.said["seconds"],
        facts=tuple(facts),
    )


def write_home(plan: Plan, folder: Path, texts: int) -> tuple[Path, Path]:
    """Make a home with so many conversations; return it, and a file with their texts for peers."""
    seed, output = folder / "seed", folder / "texts.json"
    rows = write_jsonl(folder / "texts.jsonl", plan.conversations(texts))
    run(catalog_command("--home", seed, "init"))
    run(catalog_command("--home", seed, "ingest", rows))
    found = catalog.open(seed).sql("select messages from sample order by sample_id").to_pylist()
    plain_texts = [plain(row["messages"], "").text for row in found]
    output.write_text(json.dumps(plain_texts), encoding="utf-8")
    return seed, output


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
