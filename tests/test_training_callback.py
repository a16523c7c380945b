"""The callback in a Trainer: what is recorded, when, and what it refuses."""

import copy
import json
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
from datasets import Dataset, disable_progress_bars, enable_progress_bars
from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments

from catalog.errors import Conflict, InvalidInput
from catalog.ledger import RunFolder
from catalog.training import Encoder, LedgerCallback, SnapshotDataset
from catalog.training.carrying import KEY
from tests.training_kills import make_home
from tests.training_loops import SAMPLES, model, tokenizer

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")  # of the trainers themselves


@pytest.fixture(scope="module", autouse=True)
def quiet() -> Iterator[None]:
    torch.set_num_threads(1)
    disable_progress_bars()
    yield
    enable_progress_bars()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("words") / "home")


def arguments(folder: Path, kind: Any = TrainingArguments, **more: Any) -> Any:
    given = {
        "output_dir": str(folder),
        "per_device_train_batch_size": 4,
        "use_cpu": True,
        "bf16": False,
        "report_to": [],
        "disable_tqdm": True,
        "logging_strategy": "no",
        "dataloader_pin_memory": False,
        "optim": "sgd",
        "save_strategy": "no",
    }
    return kind(**(given | more))


def trainer_of(data: Any, folder: Path, **more: Any) -> Any:
    words = tokenizer()
    collator = DataCollatorForSeq2Seq(words, padding=True)
    return Trainer(
        model(),
        arguments(folder, **more),
        train_dataset=data,
        eval_dataset=data,
        data_collator=collator,
        processing_class=words,
    )


def logged(place: Path, run: str, kind: str = "exposures") -> list[dict[str, Any]]:
    found = []
    for path in sorted((place / run).glob(f"*.{kind}.arrow")):
        found += pa.ipc.open_file(path.read_bytes()).read_all().to_pylist()
    return found


def test_steps_micro_steps_and_epochs_are_those_of_the_trainer(home: Path, tmp_path: Path) -> None:
    data = SnapshotDataset("all@1", home, transform=Encoder(tokenizer(), 20))
    told = {"eval_strategy": "steps", "eval_steps": 3, "save_strategy": "steps", "save_steps": 4}
    told |= {"gradient_accumulation_steps": 3, "num_train_epochs": 2, "eval_on_start": True}
    trainer = trainer_of(data, tmp_path / "out", **told)
    callback = LedgerCallback(tmp_path / "ledger", "tiny", digest_every=2, config={"note": "x"})
    callback.attach(trainer)
    trainer.evaluate()
    trainer.train()
    trainer.evaluate()
    rows = logged(tmp_path / "ledger", "tiny")
    # 41 samples in 11 batches of 4: four steps an epoch, the last of two batches.
    shown = [(row["step"], row["micro_step"], row["epoch"]) for row in rows]
    wanted = []
    for epoch in range(2):
        for batch in range(11):
            size = 1 if batch == 10 else 4
            wanted += [(4 * epoch + batch // 3 + 1, batch % 3, epoch)] * size
    assert shown == wanted
    for epoch in range(2):
        positions = [row["dataset_position"] for row in rows if row["epoch"] == epoch]
        assert sorted(positions) == list(range(SAMPLES))
    steps = logged(tmp_path / "ledger", "tiny", "steps")
    assert [(s["step"], s["exposures"], s["applied"]) for s in steps] == [
        (step, 5 if step % 4 == 0 else 12, True) for step in range(1, 9)
    ]
    assert [s["digest"] is not None for s in steps] == [False, True] * 4
    checkpoints = logged(tmp_path / "ledger", "tiny", "checkpoints")
    assert [(c["step"], Path(c["path"]).name) for c in checkpoints] == [
        (4, "checkpoint-4"),
        (8, "checkpoint-8"),
    ]
    config = RunFolder(tmp_path / "ledger", "tiny").read_json("run.json")["config"]
    assert config["note"] == "x" and config["length"]["max_tokens"] == 20
    assert len(config["template_hash"]) == len(config["tokenizer_hash"]) == 64
    assert config["arguments"]["gradient_accumulation_steps"] == 3


def test_an_overflow_is_no_applied_step(home: Path, tmp_path: Path) -> None:
    data = SnapshotDataset("all@1", home, transform=Encoder(tokenizer(), 20))
    trainer = trainer_of(data, tmp_path / "out", max_steps=4)
    # As fp16 does on a GPU: the first step overflows, and the scale is lowered.
    trainer.accelerator.scaler = torch.amp.GradScaler("cpu", 3e38, backoff_factor=1e-30)
    LedgerCallback(tmp_path / "ledger", "scaled").attach(trainer)
    trainer.train()
    steps = logged(tmp_path / "ledger", "scaled", "steps")
    assert [(step["applied"], step["reason"]) for step in steps] == [
        (False, "gradient overflow"),
        (True, None),
        (True, None),
        (True, None),
    ]


def test_a_checkpoint_of_before_the_ledger_has_no_parent(home: Path, tmp_path: Path) -> None:
    data = SnapshotDataset("all@1", home, transform=Encoder(tokenizer(), 20))
    told = {"max_steps": 13, "save_strategy": "steps", "save_steps": 3}
    first = trainer_of(data, tmp_path / "out", **(told | {"max_steps": 3}))
    first.train()
    second = trainer_of(data, tmp_path / "out", **told)
    callback = LedgerCallback(tmp_path / "ledger", "late").attach(second)
    second.train(resume_from_checkpoint=True)
    rows = logged(tmp_path / "ledger", "late")
    assert [row["step"] for row in rows if row["position"] == 0] == list(range(4, 14))
    assert [row["epoch"] for row in rows if row["position"] == 0] == [0] * 8 + [1] * 2
    assert (
        RunFolder(tmp_path / "ledger", "late").read_json("attempt-0000-00000.json")["parent"]
        is None
    )
    third = trainer_of(data, tmp_path / "out", **(told | {"max_steps": 14}))
    LedgerCallback(tmp_path / "ledger", "late").attach(third)
    third.train(resume_from_checkpoint=str(tmp_path / "out" / "checkpoint-12"))
    claim = RunFolder(tmp_path / "ledger", "late").read_json("attempt-0001-00000.json")
    assert claim["parent"] == {"run": "late", "attempt": 0, "step": 12}
    assert callback.attempt == 0
    fourth = trainer_of(data, tmp_path / "out", **(told | {"max_steps": 14}))
    LedgerCallback(tmp_path / "ledger", "other").attach(fourth)
    fourth.train(resume_from_checkpoint=str(tmp_path / "out" / "checkpoint-12"))
    assert RunFolder(tmp_path / "ledger", "other").read_json("run.json")["parent"] == "late"


def test_a_model_that_is_watched_can_be_copied_and_saved(home: Path, tmp_path: Path) -> None:
    data = SnapshotDataset("all@1", home, transform=Encoder(tokenizer(), 20))
    trainer = trainer_of(data, tmp_path / "out", max_steps=1)
    LedgerCallback(tmp_path / "ledger", "copied").attach(trainer)
    batch = next(iter(trainer.get_train_dataloader()))
    assert batch[KEY].shape == (4, 1, 12)
    for other in (copy.deepcopy(trainer.model), pickle.loads(pickle.dumps(trainer.model))):
        assert torch.equal(other(**batch).logits, trainer.model(**batch).logits)


def test_a_finished_run_is_refused_before_training(home: Path, tmp_path: Path) -> None:
    data = SnapshotDataset("all@1", home, transform=Encoder(tokenizer(), 20))
    (tmp_path / "ledger" / "done").mkdir(parents=True)
    (tmp_path / "ledger" / "done" / "finished.json").write_text("{}")
    trainer = trainer_of(data, tmp_path / "out", max_steps=1)
    LedgerCallback(tmp_path / "ledger", "done").attach(trainer)
    with pytest.raises(Conflict, match="finished"):
        trainer.train()
    assert trainer.state.global_step == 0


def rows_of(home: Path) -> Any:
    data = SnapshotDataset("all@1", home)
    return Dataset.from_list(
        [
            {"messages": row["messages"], "content_hash": row["content_hash"]}
            for row in (data[place] for place in range(len(data)))
        ]
    )


def sft(data: Any, folder: Path, **more: Any) -> Any:
    from trl import SFTConfig, SFTTrainer

    told = arguments(folder, SFTConfig, max_length=8, assistant_only_loss=True, **more)
    return SFTTrainer(model(), told, train_dataset=data, processing_class=tokenizer())


def test_what_is_cut_off_and_dropped_is_told(home: Path, tmp_path: Path) -> None:
    data = rows_of(home).map(_longer)
    trainer = sft(data, tmp_path / "out", num_train_epochs=1)
    LedgerCallback(tmp_path / "ledger", "cut").attach(trainer, data)
    trainer.train()
    encoder = Encoder(tokenizer(), 10_000)
    whole = {row["content_hash"]: encoder(row) for row in data}
    dropped = {
        name for name, item in whole.items() if all(label == -100 for label in item["labels"][:8])
    }
    told = {row["content_hash"].hex() for row in logged(tmp_path / "ledger", "cut", "dropped")}
    assert told == dropped and 0 < len(dropped) < SAMPLES
    rows = {row["content_hash"].hex(): row for row in logged(tmp_path / "ledger", "cut")}
    assert rows.keys() == whole.keys() - dropped
    for name, row in rows.items():
        length = len(whole[name]["input_ids"])
        assert (row["tokens"], row["truncated_tokens"]) == (min(length, 8), max(length - 8, 0))
        learned = [label for label in whole[name]["labels"][:8] if label != -100]
        assert row["loss_tokens"] == len(learned)


def _longer(row: dict[str, Any]) -> dict[str, Any]:
    row["messages"][0]["content"] = " ".join([row["messages"][0]["content"]] * 2)
    return row


def test_packing_needs_the_data_set_that_was_packed(home: Path, tmp_path: Path) -> None:
    data = rows_of(home)
    trainer = sft(data, tmp_path / "out", packing=True, max_steps=1)
    with pytest.raises(InvalidInput, match="packing forgets"):
        LedgerCallback(tmp_path / "ledger", "packed").attach(trainer)
    with pytest.raises(InvalidInput, match="not what it makes of the data set"):
        LedgerCallback(tmp_path / "ledger", "packed").attach(trainer, data.select(range(40)))
    assert not (tmp_path / "ledger").exists()
    LedgerCallback(tmp_path / "ledger", "packed").attach(trainer, data)
    trainer.train()
    assert logged(tmp_path / "ledger", "packed")


def test_any_data_set_with_ids_can_be_recorded(home: Path, tmp_path: Path) -> None:
    place = shutil.copytree(home, tmp_path / "home")
    encoder = Encoder(tokenizer(), 20)
    rows = [
        {"name": f"s{row['messages'][0]['content'].split()[0][1:]}", **encoder(row)}
        for row in rows_of(home)
    ]
    hashes = [row["content_hash"] for row in rows_of(home)]
    for run, data in (("list", rows), ("table", Dataset.from_list(rows))):
        trainer = trainer_of(data, tmp_path / run, num_train_epochs=1)
        LedgerCallback(place, run, id_column="name").attach(trainer)
        trainer.train()
        seen = [row["content_hash"].hex() for row in logged(place / "ledger", run)]
        assert sorted(seen) == sorted(hashes)
    with pytest.raises(InvalidInput, match="no 'identifier' in"):
        LedgerCallback(place, "x", id_column="identifier").attach(trainer_of(rows, tmp_path / "x"))
    json.dumps(rows)  # plain values: what the callback adds stays out of the data


def test_without_packing_a_column_of_hashes_is_enough(home: Path, tmp_path: Path) -> None:
    trainer = sft(rows_of(home), tmp_path / "out", max_steps=2)
    LedgerCallback(tmp_path / "ledger", "columns").attach(trainer)
    trainer.train()
    rows = logged(tmp_path / "ledger", "columns")
    assert [row["step"] for row in rows] == [1] * 4 + [2] * 4
    assert {row["truncated_tokens"] for row in rows} == {None}  # nobody says what was cut off
