"""The demo's very small model: what the ledger says it saw is what its forward pass saw."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

import ingest
from catalog import Catalog
from catalog.demo.comparison import read_messages
from catalog.demo.tiny_model import IGNORED, Tokenizer, mean_loss, new_model, train
from catalog.ledger import Ledger
from catalog.training import SnapshotDataset
from tests.conftest import talk


@pytest.fixture
def data(cat: Catalog, write_jsonl: Callable[..., Path]) -> SnapshotDataset:
    """A snapshot of forty samples, every text different."""
    rows = [talk(f"What is {n} times 3?", f"It is {3 * n}.", id=f"n{n}") for n in range(40)]
    ingest.load(cat, [write_jsonl("rows.jsonl", rows)], source="sums")
    cat.select("all", method="random", size=40)
    return SnapshotDataset("all@1", cat.home.path)


def test_only_answers_are_learned(data: SnapshotDataset) -> None:
    tokenizer = Tokenizer([data[position]["messages"] for position in range(len(data))])
    item = tokenizer.item(data[0]["messages"])
    learned = [token for token in item.labels if token != IGNORED]
    assert len(item.ids) == len(item.labels)
    assert 0 < len(learned) < len(item.ids)
    assert item.ids[-len(learned) :] == learned


def test_the_ledger_holds_exactly_what_the_forward_pass_saw(
    cat: Catalog, data: SnapshotDataset
) -> None:
    tokenizer = Tokenizer([data[position]["messages"] for position in range(len(data))])
    model = new_model(tokenizer.size, seed=0)
    text_of = {
        tuple(tokenizer.item(data[position]["messages"]).ids): data[position]["content_hash"]
        for position in range(len(data))
    }
    seen: list[list[str]] = []

    def watch(module: torch.nn.Module, args: object, kwargs: dict[str, torch.Tensor]) -> None:
        rows = zip(kwargs["input_ids"], kwargs["attention_mask"], strict=True)
        seen.append([text_of[tuple(ids[mask.bool()].tolist())] for ids, mask in rows])

    model.register_forward_pre_hook(watch, with_kwargs=True)
    with Ledger(cat.home.ledger, "watched", snapshot="all@1") as ledger:
        steps = train(model, tokenizer, data, token_budget=1500, seed=0, ledger=ledger)
    cat.import_runs()
    logged = cat.sql("select step, hash from seen order by step, position").to_pylist()
    assert steps == len(seen)
    expected = [
        {"step": step, "hash": found} for step, batch in enumerate(seen, 1) for found in batch
    ]
    assert logged == expected


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Train as the demo does: a model this small loses more by a second thread than it wins."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_training_lowers_the_loss_and_the_seed_decides_it(data: SnapshotDataset) -> None:
    talks = [data[position]["messages"] for position in range(len(data))]
    tokenizer = Tokenizer(talks)
    items = [tokenizer.item(messages) for messages in talks]
    losses = []
    for seed in (0, 0, 1):
        model = new_model(tokenizer.size, seed=0)
        before = mean_loss(model, items)
        train(model, tokenizer, data, token_budget=2000, seed=seed, ledger=None)
        losses.append(mean_loss(model, items))
        assert losses[-1] < before
    assert losses[0] == losses[1] != losses[2]


def test_the_planted_item_can_be_left_out(write_jsonl: Callable[..., Path]) -> None:
    path = write_jsonl("items.jsonl", [talk("a", id="1"), talk("b", id="2")])
    assert [talk[0]["content"] for talk in read_messages(path, leave_out="1")] == ["b"]
