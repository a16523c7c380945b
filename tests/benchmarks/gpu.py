"""`catalog embed` on a GPU: against the official loop, sentence-transformers, and the chip itself.

Without a GPU nothing is measured, and that is said.
"""

import shutil
from collections.abc import Iterator

import click

from . import embedding
from .material import Plan
from .measure import Measured, catalog_command, program, run
from .models import llama, write_llama
from .result import Fact, Goal, Stage

SHAPES = {
    "1B": {"width": 2048, "layers": 16, "heads": 32, "inner": 8192},
    "8B": {"width": 4096, "layers": 32, "heads": 32, "inner": 14336},
}
VOCABULARY = 32_000
MAX_TOKENS = 2048
TEXTS = 4096
LOOP_TEXTS = 128
"""As many as the loop, one text at a time, can bear."""

LEAST_SHARE = 0.5
GOAL = Goal(ratio=1)


def measure(plan: Plan) -> Iterator[Stage]:
    """Measure a model of each size, the larger one only at the paper's size."""
    import torch

    if not torch.cuda.is_available():
        click.echo("embed: no CUDA device here, so nothing is measured on one", err=True)
        return
    for name in SHAPES if plan.full else ["1B"]:
        yield from _model(plan, name, torch.cuda.device_count())


def _model(plan: Plan, name: str, devices: int) -> Iterator[Stage]:
    folder = plan.room("gpu")
    model = write_llama(folder / "model", llama(VOCABULARY, **SHAPES[name]), "bfloat16")
    seed, texts = embedding.write_home(plan, folder, TEXTS)
    _, few = embedding.write_home(plan, plan.room("loop"), LOOP_TEXTS)

    def ours(device: str) -> Measured:
        home = folder / f"home-{device}"
        shutil.copytree(seed, home)
        options = ("--space", embedding.SPACE, "--model", model, "--template", "plain")
        found = run(
            catalog_command("--home", home, "embed", *options, "--device", device, "--json")
        )
        shutil.rmtree(home)
        return found

    our = ours("cuda:0")
    limits = (str(MAX_TOKENS), model, "cuda")
    their = run(program("encode", texts, folder / "peer.npy", *limits))
    loop = run(program("official", few, *limits)).said
    rate = run(program("products", model, "bfloat16", "cuda")).said
    seconds, tokens = our.said["seconds"], our.said["tokens"]
    limit = rate["per_token"] * tokens / rate["per_second"]
    per_text = loop["seconds"] / loop["texts"]
    size = f"{our.said['samples']:,} texts, {tokens:,} tokens, {MAX_TOKENS} at most"
    share = Fact("share of the measured bfloat16 rate", limit / seconds, least=LEAST_SHARE)
    told = (
        f"the official loop, one text at a time: {per_text:.4f} s each of {loop['texts']} texts, "
        f"extrapolated to all {per_text * our.said['samples']:,.0f} s",
        f"{rate['per_second'] / 1e12:.0f} TFLOP/s measured; attention is not counted",
    )
    yield Stage(
        f"embed: {name} Llama on a GPU",
        size,
        seconds,
        our.peak_memory_bytes,
        "sentence-transformers encode bfloat16",
        their.said["seconds"],
        GOAL,
        told,
        limit="the model's matrix products at the measured bfloat16 rate",
        limit_s=limit,
        facts=(share,),
    )
    if devices > 1:
        every = ours(",".join(f"cuda:{number}" for number in range(devices)))
        yield Stage(
            f"embed: {name} Llama on {devices} GPUs",
            size,
            every.said["seconds"],
            every.peak_memory_bytes,
            "one GPU",
            seconds,
            Goal(ratio=1.25 / devices),
        )
