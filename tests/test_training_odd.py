"""Trainers used otherwise than in the books: twice, on streams, on data that says not all."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset, disable_progress_bars, enable_progress_bars
from trl import SFTConfig, SFTTrainer

from catalog.errors import InvalidInput
from catalog.ledger import LedgerWarning, RunFolder
from catalog.training import Encoder, LedgerCallback
from tests.test_training_callback import arguments, logged, trainer_of
from tests.training_loops import SAMPLES, model, tokenizer

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")  # of the trainers themselves


@pytest.fixture(scope="module", autouse=True)
def quiet() -> Iterator[None]:
    torch.set_num_threads(1)
    disable_progress_bars()
    yield
    enable_progress_bars()


def items(count: int = SAMPLES) -> list[dict[str, Any]]:
    told = Encoder(tokenizer(), 20)
    talk = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    item = {k: v for k, v in told({"messages": talk}).items() if k != "truncated_tokens"}
    return [item | {"content_hash": f"{number:064x}"} for number in range(count)]


def test_a_trainer_that_trains_again_goes_on_with_the_same_model(tmp_path: Path) -> None:
    place, out = tmp_path / "ledger", tmp_path / "out"
    data = Dataset.from_list(items())
    told = {"max_steps": 3, "save_strategy": "steps", "save_steps": 2}
    trainer = trainer_of(data, out, **told)
    LedgerCallback(place, "twice").attach(trainer)
    trainer.train()
    trainer.train()
    again = trainer_of(data, out, **told)
    LedgerCallback(place, "twice").attach(again)
    again.train(resume_from_checkpoint=str(out / "checkpoint-2"))
    parents = [
        RunFolder(place, "twice").read_json(f"attempt-{number:04d}-00000.json")["parent"]
        for number in range(3)
    ]
    assert parents == [
        None,
        {"run": "twice", "attempt": 0, "step": 3},
        {"run": "twice", "attempt": 1, "step": 5},
    ]
    steps = [row["step"] for row in logged(place, "twice", "steps")]
    assert steps == [1, 2, 3, 4, 5, 6, 6]


def test_a_sample_that_says_not_which_it_is_leaves_its_step_unrecorded(tmp_path: Path) -> None:
    place = tmp_path / "ledger"
    rows = items(9)
    rows[1]["content_hash"] = rows[4]["content_hash"] = rows[5]["content_hash"] = None
    more = {"train_sampling_strategy": "sequential", "num_train_epochs": 1}
    trainer = trainer_of(Dataset.from_list(rows), tmp_path / "out", **more)
    LedgerCallback(place, "some").attach(trainer)
    with pytest.warns(LedgerWarning, match="lacks 1 exposures of step 1: the data does not say"):
        trainer.train()
    seen = [(row["step"], int(row["content_hash"].hex(), 16)) for row in logged(place, "some")]
    assert seen == [(1, 0), (1, 2), (1, 3), (2, 6), (2, 7), (3, 8)]
    lost = [(row["first_step"], row["exposures"]) for row in logged(place, "some", "lost")]
    assert lost == [(1, 1), (2, 2)]


def test_a_batch_without_identity_is_told_of(tmp_path: Path) -> None:
    place = tmp_path / "ledger"
    trainer = trainer_of(Dataset.from_list(items(8)), tmp_path / "out", num_train_epochs=1)
    plain = trainer.data_collator
    LedgerCallback(place, "replaced").attach(trainer)
    keys = ("input_ids", "attention_mask", "labels")
    trainer.data_collator = lambda items: plain([{k: i[k] for k in keys} for i in items])
    with pytest.warns(LedgerWarning, match="lacks 4 exposures of step 1"):
        trainer.train()
    lost = [(row["first_step"], row["exposures"]) for row in logged(place, "replaced", "lost")]
    assert (lost, logged(place, "replaced")) == ([(1, 4), (2, 4)], [])


def test_a_stream_is_recorded_unless_it_is_packed(tmp_path: Path) -> None:
    rows = items(12)
    stream = Dataset.from_list(rows).to_iterable_dataset()
    given = {"train_dataset": stream, "processing_class": tokenizer()}
    options = arguments(tmp_path / "out", SFTConfig, max_steps=2)
    trainer = SFTTrainer(model(), options, **given)
    LedgerCallback(tmp_path / "ledger", "stream").attach(trainer, stream)
    trainer.train()
    seen = [row["content_hash"].hex() for row in logged(tmp_path / "ledger", "stream")]
    assert seen == [row["content_hash"] for row in rows[:8]]
    packs = arguments(tmp_path / "out", SFTConfig, max_steps=2, packing=True)
    with pytest.raises(InvalidInput, match="packing forgets"):
        LedgerCallback(tmp_path, "packed").attach(SFTTrainer(model(), packs, **given), stream)
