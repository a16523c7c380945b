"""Train a tiny model with a Trainer, the ledger on and off in turns.

FOLDER BLOCKS; prints of every step of both sides, block by block, wall and processor seconds.
"""

import json
import sys
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import click
import torch
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    logging,
)

from catalog.training import LedgerCallback

BATCH_SAMPLES = 32
TOKENS = 128
BLOCK_STEPS = 12
LATE_STEPS = 2
"""At a block's start batches of the block before are still on their way."""


def main(folder: Path, blocks: int) -> None:
    """Time all blocks."""
    logging.set_verbosity_error()
    torch.manual_seed(0)
    data = [_item(number) for number in range(BATCH_SAMPLES * 64)]
    arguments = TrainingArguments(
        output_dir=str(folder / "out"),
        per_device_train_batch_size=BATCH_SAMPLES,
        max_steps=2 * blocks * BLOCK_STEPS,
        use_cpu=True,
        bf16=False,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    trainer = Trainer(_model(), arguments, train_dataset=data, data_collator=_collate)
    callback = LedgerCallback(folder, "bench").attach(trainer)
    switch = Switch(callback, trainer)
    trainer.data_collator = switch.collate
    trainer.add_callback(switch)
    trainer.train()
    click.echo(json.dumps({"on": switch.seconds[True], "off": switch.seconds[False]}))


def now_twice() -> tuple[float, float]:
    """Return the time, and the processor time of all threads: on a busy machine that says more."""
    return perf_counter(), process_time()


class Switch(TrainerCallback):  # type: ignore[misc]
    """Turns the ledger on and off, block by block, and takes the time of every step."""

    def __init__(self, callback: Any, trainer: Any) -> None:
        self.seconds: dict[bool, list[list[list[float]]]] = {True: [], False: []}
        self._watch, self._with = callback._watch, trainer.data_collator
        self._ledger, self._on, self._since = None, True, now_twice()

    def collate(self, items: list[dict[str, Any]]) -> Any:
        if self._on:
            return self._with(items)
        return _collate([{k: v for k, v in item.items() if k in PLAIN} for item in items])

    def on_train_begin(self, args: Any, state: Any, control: Any, **now: Any) -> None:
        self._ledger = self._watch.ledger
        self._begin(0)

    def on_step_end(self, args: Any, state: Any, control: Any, **now: Any) -> None:
        ended = now_twice()
        place = (state.global_step - 1) % BLOCK_STEPS
        if place >= LATE_STEPS:
            self.seconds[self._on][-1].append(
                [b - a for a, b in zip(self._since, ended, strict=True)]
            )
        if place == BLOCK_STEPS - 1:
            self._begin(state.global_step // BLOCK_STEPS)
        self._since = now_twice()

    def _begin(self, block: int) -> None:
        # On, off, off, on: what grows slower or faster with time hits both alike.
        self._on = block % 4 in (0, 3)
        self._watch.ledger = self._ledger if self._on else None
        self.seconds[self._on].append([])
        self._since = now_twice()


PLAIN = ("input_ids", "labels", "attention_mask")


def _item(number: int) -> dict[str, Any]:
    ids = torch.randint(1000, (TOKENS,)).tolist()
    return {
        "input_ids": ids,
        "labels": [-100] * (TOKENS // 2) + ids[TOKENS // 2 :],
        "attention_mask": [1] * TOKENS,
        "content_hash": f"{number:064x}",
    }


def _collate(items: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    return {name: torch.tensor([item[name] for item in items]) for name in PLAIN}


def _model() -> Any:
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=1000,
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=TOKENS,
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
