"""The rate at which this machine multiplies matrices of a model's shapes: MODEL DTYPE DEVICE.

Prints operations a second, and how many a token costs in the model's linear layers.
"""

import json
import sys
from time import perf_counter
from typing import Any

import click

TOKENS = {"cpu": 2048, "cuda": 16384}
SECONDS = 1.5


def main(name: str, dtype: str, device: str) -> None:
    """Measure each shape that the model has, as often as it has it."""
    import torch
    from transformers import AutoConfig, AutoModel

    from ingest.models import find_model

    config = AutoConfig.from_pretrained(find_model(name).place)
    with torch.device("meta"):
        model: Any = AutoModel.from_config(config)
    shapes: dict[tuple[int, int], int] = {}
    for part in model.modules():
        if isinstance(part, torch.nn.Linear):
            shape = tuple(part.weight.shape)
            shapes[shape] = shapes.get(shape, 0) + 1
    shapes = {shape: count for shape, count in shapes.items() if count > 1}  # no pooler
    seconds = sum(
        count * _seconds(shape, getattr(torch, dtype), device, SECONDS / len(shapes))
        for shape, count in shapes.items()
    )
    per_token = sum(2 * rows * columns * count for (rows, columns), count in shapes.items())
    found = {"per_second": per_token * TOKENS[device] / seconds, "per_token": per_token}
    click.echo(json.dumps(found))


def _seconds(shape: tuple[int, int], dtype: Any, device: str, least: float) -> float:
    """Return how long one product takes: the best of as many as fit into the time."""
    import torch

    left = torch.randn(TOKENS[device], shape[1]).to(device, dtype)
    right = torch.randn(*shape).to(device, dtype)
    best, begun = float("inf"), perf_counter()
    while perf_counter() - begun < least:
        started = perf_counter()
        torch.nn.functional.linear(left, right)
        if device == "cuda":
            torch.cuda.synchronize()
        best = min(best, perf_counter() - started)
    return best


if __name__ == "__main__":
    main(*sys.argv[1:4])
