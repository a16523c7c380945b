"""A tiny model trained with the ledger on, against off, in turns."""

import json
from collections.abc import Iterator, Sequence
from statistics import median

from .material import Plan
from .measure import program, run
from .result import Goal, Stage

BLOCKS = 10
GOAL = Goal(ratio=1.01)
Block = Sequence[Sequence[float]]


def measure(plan: Plan) -> Iterator[Stage]:
    """Measure it: blocks of steps with the ledger on and off take turns in one process."""
    blocks = BLOCKS * plan.repeats // 3 or 1
    found = run(
        program("train", plan.room("training"), str(blocks)),
        {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
    )
    told = json.loads(found.output.splitlines()[-1])
    pairs = [(on, off) for on, off in zip(told["on"], told["off"], strict=False) if on and off]
    wall, processor = ([ratio(on, off, clock) for on, off in pairs] for clock in (0, 1))
    off = median(step[0] for block in told["off"] for step in block)
    yield Stage(
        "training with the ledger",
        "one step of 32 samples, 128 tokens each, a Trainer and a model of 0.2M parameters",
        off * median(wall),
        found.peak_memory_bytes,
        "without",
        off,
        GOAL,
        (
            f"{len(pairs)} blocks each; a block's median step over that of the block beside it: "
            f"median {median(wall):.4f}, {min(wall):.3f} to {max(wall):.3f}",
            f"the same in processor time of all threads: median {median(processor):.4f}",
        ),
    )


def ratio(on: Block, off: Block, clock: int) -> float:
    """Return how many times longer a block's median step is than another's, by one clock."""
    return median(step[clock] for step in on) / median(step[clock] for step in off)
