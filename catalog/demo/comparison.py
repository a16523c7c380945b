"""Three selections, three seeds each, equal tokens: what a very small model makes of them."""

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

import torch

from catalog.demo.tiny_model import (
    WARM_LEARNING_RATE,
    Messages,
    Tokenizer,
    mean_loss,
    new_model,
    train,
)
from catalog.ledger import Ledger
from catalog.training import SnapshotDataset

SEEDS = (0, 1, 2)
WARM_TOKENS = 180_000
RUN_TOKENS = 45_000


@dataclass(frozen=True)
class Outcome:
    """What training on one snapshot gave.

    Attributes:
        snapshot: its name.
        losses: mean held-out loss per answer token, one per seed.
        by_task: the same for each task, mean over seeds.
    """

    snapshot: str
    losses: list[float]
    by_task: dict[str, float]

    @property
    def mean(self) -> float:
        """The mean over seeds."""
        return mean(self.losses)

    @property
    def spread(self) -> float:
        """The standard deviation over seeds."""
        return stdev(self.losses)


def read_messages(path: Path, leave_out: str | None = None) -> list[Messages]:
    """Read a JSONL file's conversations, but for the row of one id."""
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return [row["messages"] for row in rows if row["id"] != leave_out]


def compare(
    home: Path,
    snapshots: Sequence[str],
    warm_start: str,
    heldout: Mapping[str, Sequence[Messages]],
    tell: Callable[[str], None],
) -> list[Outcome]:
    """Train on each snapshot from one warm start, and score each model on the held-out items."""
    torch.set_num_threads(1)  # a model this small spends more on handing work out than on work
    warm = SnapshotDataset(warm_start, home)
    tokenizer = Tokenizer([warm[position]["messages"] for position in range(len(warm))])
    items = {task: [tokenizer.item(talk) for talk in talks] for task, talks in heldout.items()}
    base = new_model(tokenizer.size, seed=0)
    train(
        base,
        tokenizer,
        warm,
        token_budget=WARM_TOKENS,
        seed=0,
        ledger=None,
        learning_rate=WARM_LEARNING_RATE,
    )
    everything = [item for part in items.values() for item in part]
    tell(f"shared warm start on {warm_start}: held-out loss {mean_loss(base, everything):.3f}")
    outcomes = []
    for name in snapshots:
        data = SnapshotDataset(name, home)
        scored = []
        for seed in SEEDS:
            model = copy.deepcopy(base)
            with Ledger(
                home,
                f"{name}-seed{seed}",
                snapshot=str(data.snapshot),
                model="demo-llama",
                config={"seed": seed, "token_budget": RUN_TOKENS},
            ) as ledger:
                steps = train(
                    model, tokenizer, data, token_budget=RUN_TOKENS, seed=seed, ledger=ledger
                )
            scored.append({task: mean_loss(model, part) for task, part in items.items()})
            scored[-1]["all"] = mean_loss(model, everything)
            tell(f"{name}, seed {seed}: {steps} steps, held-out loss {scored[-1]['all']:.3f}")
        outcomes.append(
            Outcome(
                name,
                [row["all"] for row in scored],
                {task: mean(row[task] for row in scored) for task in items},
            )
        )
    return outcomes
