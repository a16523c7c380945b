"""`catalog embed --nll` against `catalog embed`: what the NLL costs, in time and in memory.

The model is random and small in everything but its vocabulary, 128,000 tokens, so that its head
does most of the work: with a model of usual proportions the share is far less. Logits of a whole
batch would take 1 GB for 2,048 tokens; the memory tells that they are never held.
"""

import shutil
from collections.abc import Iterator
from statistics import median
from typing import Any

from .material import Plan, write_jsonl
from .measure import Measured, catalog_command, in_turns, run, spread
from .models import llama, write_llama
from .report import cores
from .result import Goal, Stage

VOCABULARY = 128_000
WIDTH = 256
MAX_TOKENS = 256
SHARE_OF_TEXTS = 16
GOAL = Goal(memory_bytes=2_000_000_000)


def measure(plan: Plan) -> Iterator[Stage]:
    """Measure it: each repeat of either side begins with a copy of a home that holds no vector."""
    folder = plan.room("nll")
    seed = folder / "seed"
    texts = max(8, plan.texts // SHARE_OF_TEXTS)
    rows = write_jsonl(folder / "texts.jsonl", plan.conversations(texts))
    run(catalog_command("--home", seed, "init"))
    run(catalog_command("--home", seed, "ingest", rows))
    model = write_llama(folder / "model", _config())
    environment = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": str(cores())}

    def embed(name: str, *options: str) -> Measured:
        home = folder / name
        shutil.copytree(seed, home)
        space = ("--space", "rds", "--model", model, "--max-tokens", str(MAX_TOKENS))
        exact = ("--dtype", "float32", "--device", "cpu", "--json")
        found = run(catalog_command("--home", home, "embed", *space, *exact, *options), environment)
        shutil.rmtree(home)
        return found

    scored, plain = in_turns(
        "nll",
        plan.repeats,
        lambda repeat: embed(f"scored-{repeat}", "--nll"),
        lambda repeat: embed(f"plain-{repeat}"),
    )
    with_nll, without = scored.said("seconds"), plain.said("seconds")
    parameters = WIDTH * VOCABULARY / 1e6
    yield Stage(
        "embed --nll",
        f"{texts:,} texts of {MAX_TOKENS} tokens at most, vocabulary {VOCABULARY:,}",
        median(with_nll),
        scored.peak_memory_bytes,
        "embed without --nll",
        median(without),
        GOAL,
        (
            "loading the model excluded on both sides; one forward pass on both",
            f"with {spread(with_nll)}, without {spread(without)}, {cores()} threads each",
            f"a head of {parameters:.0f}M parameters on a body of {body_parameters() / 1e6:.0f}M",
            f"with: {scored.facts}; without: {plain.facts}",
        ),
    )


def body_parameters() -> int:
    """Return how many weights the model has beside its embeddings."""
    import torch
    from transformers import LlamaModel

    with torch.device("meta"):
        body = LlamaModel(_config())
    counted = sum(weight.numel() for weight in body.parameters())
    return counted - WIDTH * VOCABULARY


def _config() -> Any:
    return llama(VOCABULARY, WIDTH, layers=6, heads=4, inner=4 * WIDTH)
