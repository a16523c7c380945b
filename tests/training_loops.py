"""Training loops as people write them, to be killed: each tells on the side what its model saw.

Every word of a sample's text names the sample, so that token ids alone say what was trained on.
What a loop's model is given is logged inside its forward pass, before anything else happens, and
so is every step of the optimizer; neither knows of the ledger.
"""

import functools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    DataCollatorForSeq2Seq,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Trainer,
    TrainingArguments,
)

from catalog.training import (
    Batches,
    Encoder,
    LedgerCallback,
    LedgerCollator,
    SnapshotDataset,
    checkpoint,
    open_ledger,
    record,
)

SAMPLES = 41
MARKS = ["<pad>", "<eos>", "<user>", "<assistant>"]
TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}> {% if m.role == 'assistant' %}{% generation %}"
    "{{ m.content }} <eos>{% endgeneration %} {% else %}{{ m.content }} {% endif %}{% endfor %}"
)
RUN = "killed"


class Plan(NamedTuple):
    """What one process of a launch is to do."""

    loop: str
    home: Path
    folder: Path
    log: Path
    rank: int = 0
    world_size: int = 1
    store: Path | None = None
    resume: Path | None = None
    options: dict[str, Any] = {}  # noqa: RUF012 - never changed


def conversation(number: int) -> list[dict[str, str]]:
    """The messages of a sample: as long as no other nearby, every word the sample's own."""
    answer = 1 + number * 7 % 23
    return [
        {"role": "user", "content": " ".join([f"w{number}"] * (1 + number % 5))},
        {"role": "assistant", "content": " ".join([f"w{number}"] * answer)},
    ]


def tokenizer() -> Any:
    words = MARKS + [f"w{number}" for number in range(SAMPLES)]
    found = Tokenizer(models.WordLevel({w: n for n, w in enumerate(words)}, unk_token="<pad>"))
    found.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=found,
        pad_token="<pad>",
        eos_token="<eos>",
        chat_template=TEMPLATE,
        name_or_path="words",
    )


def model() -> Any:
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(MARKS) + SAMPLES,
            hidden_size=8,
            intermediate_size=8,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=2,
            max_position_embeddings=256,
            pad_token_id=0,
        )
    )


class Log:
    """Lines appended one by one, so that a kill loses none that was written."""

    def __init__(self, plan: Plan) -> None:
        self._file = os.open(plan.log, os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    def write(self, **told: Any) -> None:
        os.write(self._file, (json.dumps(told) + "\n").encode())

    def watch(self, watched: Any) -> Any:
        """Log what a model's forward pass is given, if gradients are wanted."""
        forward = watched.forward

        @functools.wraps(forward)
        def logged(*inputs: Any, **named: Any) -> Any:
            assert "catalog_ledger" not in named
            if watched.training and torch.is_grad_enabled():
                labels = named.get("labels")
                self.write(
                    ids=named["input_ids"].tolist(),
                    loss=None if labels is None else int((labels[:, 1:] != -100).sum()),
                )
            return forward(*inputs, **named)

        watched.forward = logged
        return watched

    def steps_of(self, optimizer: torch.optim.Optimizer) -> None:
        """Log every step that an optimizer makes."""
        optimizer.register_step_post_hook(lambda *_: self.write(stepped=True))


def launch(plan: Plan) -> None:
    """Train, as one process of a launch."""
    torch.set_num_threads(1)
    said = os.open(plan.log.with_suffix(".txt"), os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.dup2(said, 1)
    os.dup2(said, 2)
    alone = plan.world_size == 1
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        os.environ.pop(name, None)
    if not alone:
        os.environ |= {
            "RANK": str(plan.rank),
            "LOCAL_RANK": str(plan.rank),
            "WORLD_SIZE": str(plan.world_size),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(plan.options["port"]),
        }
    log = Log(plan)
    log.write(resume=str(plan.resume) if plan.resume else None)
    LOOPS[plan.loop](plan, log)
    log.write(finished=True)


def arguments(plan: Plan, kind: Any = TrainingArguments, **more: Any) -> Any:
    given = {
        "output_dir": str(plan.folder),
        "per_device_train_batch_size": 3,
        "save_steps": 3,
        "num_train_epochs": 2,
        "use_cpu": True,
        "bf16": False,
        "report_to": [],
        "disable_tqdm": True,
        "logging_strategy": "no",
        "optim": "sgd",
        "dataloader_pin_memory": False,
        "seed": 5,
    }
    changed = {k: v for k, v in plan.options.items() if k not in OWN}
    return kind(**{**given, **more, **changed})


OWN = {"port", "packing_of", "ledger", "callbacks", "data", "steps"}
"""Options that are no arguments of a trainer."""


def attach(plan: Plan, trainer: Any, data: Any, log: Log) -> None:
    callback = LedgerCallback(
        plan.home, RUN, snapshot="all@1", **plan.options.get("ledger", {"flush_seconds": 10})
    )
    callback.attach(trainer, data)
    create = trainer.create_optimizer

    def created(*given: Any) -> Any:
        optimizer = create(*given)
        log.steps_of(optimizer)
        return optimizer

    trainer.create_optimizer = created
    trainer.train(resume_from_checkpoint=str(plan.resume) if plan.resume else None)
    trainer.save_model(str(plan.folder / "final"))


def with_trainer(plan: Plan, log: Log) -> None:
    words = tokenizer()
    options = plan.options
    data: Any = SnapshotDataset(
        "all@1",
        plan.home,
        seed=3 if options.get("train_sampling_strategy") == "sequential" else None,
        transform=Encoder(words, 20),
    )
    if options.get("data") == "hf":
        data = Dataset.from_list([{**data[place]} for place in range(len(data))])
    if options.get("data") == "stream":  # of equal lengths, which one process gives to all
        rows = [_padded(data[place], 20) for place in range(len(data))]
        data = Dataset.from_list(rows).to_iterable_dataset()
    trainer = Trainer(
        log.watch(model()),
        arguments(plan),
        train_dataset=data,
        eval_dataset=data if options.get("eval_strategy") else None,
        data_collator=DataCollatorForSeq2Seq(words, padding=True),
        processing_class=words,
    )
    attach(plan, trainer, None, log)


def _padded(item: dict[str, Any], length: int) -> dict[str, Any]:
    fill = {"input_ids": 0, "labels": -100, "attention_mask": 0}
    return item | {
        name: item[name] + [value] * (length - len(item[name])) for name, value in fill.items()
    }


def with_sft(plan: Plan, log: Log) -> None:
    from trl import SFTConfig, SFTTrainer

    rows = SnapshotDataset("all@1", plan.home)
    data = Dataset.from_list(
        [
            {"messages": row["messages"], "catalog": {"content_hash": row["content_hash"]}}
            for row in (rows[place] for place in range(len(rows)))
        ]
    )
    trainer = SFTTrainer(
        model(),
        arguments(plan, SFTConfig, max_length=20, gradient_checkpointing=False),
        train_dataset=data,
        eval_dataset=data if plan.options.get("eval_strategy") else None,
        processing_class=tokenizer(),
    )
    log.watch(trainer.model)  # not before: the trainer replaces the forward pass
    attach(plan, trainer, data, log)


def with_plain_loop(plan: Plan, log: Log) -> None:
    """A loop of one's own, with accumulation, workers and checkpoints of its own making."""
    if plan.world_size > 1:
        dist.init_process_group("gloo", rank=plan.rank, world_size=plan.world_size)
    words = tokenizer()
    data = SnapshotDataset("all@1", plan.home, seed=3, transform=Encoder(words, 20))
    collate = LedgerCollator(DataCollatorForSeq2Seq(words, padding=True))
    batches = Batches(
        data,
        3,
        rank=plan.rank,
        world_size=plan.world_size,
        collate=collate,
        num_workers=plan.options.get("workers", 0),
    )
    inner = log.watch(model())
    optimizer = torch.optim.SGD(inner.parameters(), lr=1e-3)
    log.steps_of(optimizer)
    step, resumed = 0, None
    if plan.resume:
        state = torch.load(plan.resume / "state.pt", weights_only=True)
        inner.load_state_dict(state["model"])
        batches.load_state_dict(state["batches"])
        step, resumed = state["step"], state["ledger"]
    net = torch.nn.parallel.DistributedDataParallel(inner) if plan.world_size > 1 else inner
    net.train()
    with open_ledger(plan.home, RUN, snapshot="all@1", resumed=resumed) as ledger:
        waiting = 0
        for epoch in range(batches.epoch, 2):
            for batch in batches:
                record(ledger, batch, step=step + 1, epoch=epoch)
                net(**batch).loss.backward()
                waiting += 1
                if waiting == 2:
                    optimizer.step()
                    optimizer.zero_grad()
                    waiting, step = 0, step + 1
                    ledger.end_step(step)
                    if step % 3 == 0:
                        _save(plan, inner, {"batches": batches.state_dict()}, ledger, step)


def with_accelerate(plan: Plan, log: Log) -> None:
    """A loop around `accelerate`, which shards the batches of an ordinary loader."""
    from accelerate import Accelerator
    from torch.utils.data import DataLoader

    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2)
    words = tokenizer()
    data = SnapshotDataset("all@1", plan.home, seed=3, transform=Encoder(words, 20))
    collate = LedgerCollator(DataCollatorForSeq2Seq(words, padding=True))
    loader: Any = DataLoader(data, batch_size=3, collate_fn=collate)
    inner = log.watch(model())
    optimizer: Any = torch.optim.SGD(inner.parameters(), lr=1e-3)
    log.steps_of(optimizer)
    begun, done, step, resumed = 0, 0, 0, None
    if plan.resume:
        state = torch.load(plan.resume / "state.pt", weights_only=True)
        inner.load_state_dict(state["model"])
        begun, done, step, resumed = (
            state[name] for name in ("epoch", "batches", "step", "ledger")
        )
    net, optimizer, loader = accelerator.prepare(inner, optimizer, loader)
    net.train()
    with open_ledger(plan.home, RUN, snapshot="all@1", resumed=resumed) as ledger:
        for epoch in range(begun, 2):
            part = accelerator.skip_first_batches(loader, done)
            part.set_epoch(epoch)
            for number, batch in enumerate(part, done + 1):
                record(ledger, batch, step=step + 1, epoch=epoch)
                with accelerator.accumulate(net):
                    accelerator.backward(net(**batch).loss)
                    optimizer.step()
                    optimizer.zero_grad()
                if accelerator.sync_gradients:
                    step += 1
                    ledger.end_step(step, applied=not optimizer.step_was_skipped)
                    if step % 3 == 0:
                        where = {"epoch": epoch, "batches": number}
                        _save(plan, inner, where, ledger, step)
            done = 0


def _save(plan: Plan, inner: Any, where: dict[str, Any], ledger: Any, step: int) -> None:
    folder = plan.folder / f"checkpoint-{step}"
    kept = checkpoint(ledger, step, folder)
    if plan.rank == 0:
        folder.mkdir(parents=True, exist_ok=True)
        state = {
            "model": inner.state_dict(),
            **where,
            "step": step,
            "ledger": kept,
        }
        torch.save(state, folder / "state.partial")
        (folder / "state.partial").replace(folder / "state.pt")


LOOPS: dict[str, Callable[[Plan, Log], None]] = {
    "trainer": with_trainer,
    "sft": with_sft,
    "plain": with_plain_loop,
    "accelerate": with_accelerate,
}
