"""Shuffled snapshots and batches: one order for all, to be gone on with anywhere."""

import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader

import catalog
from catalog import Catalog
from catalog.errors import Conflict, InvalidInput
from catalog.ledger import Ledger
from catalog.training import Batches, Encoder, Order, SnapshotDataset, identity_of
from catalog.training.batches import columns


@pytest.fixture(scope="module")
def drawn(stocked_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """A home with the snapshot `drawn@1` of twenty members."""
    home = shutil.copytree(stocked_home, tmp_path_factory.mktemp("drawn") / "home")
    cat = catalog.open(home)
    cat.select("drawn", method="random", size=20)
    return cat


@given(st.integers(1, 300), st.integers(0, 2**63), st.integers(0, 5))
def test_an_order_has_every_position_once(size: int, seed: int, epoch: int) -> None:
    order = Order(size, seed, epoch)
    assert sorted(order[place] for place in range(size)) == list(range(size))


def test_an_order_is_the_same_on_every_machine_and_another_every_epoch() -> None:
    orders = [[Order(9, 7, epoch)[place] for place in range(9)] for epoch in range(3)]
    assert orders == [
        [Order(9, 7, 0)[place] for place in range(9)],
        [Order(9, 7, 1)[place] for place in range(9)],
        [Order(9, 7, 2)[place] for place in range(9)],
    ]
    assert len({tuple(order) for order in orders}) == 3
    assert Order(10**12, 7, 0)[10**12 - 1] < 10**12
    with pytest.raises(IndexError):
        Order(9, 7, 0)[9]


def test_a_shuffled_snapshot_keeps_each_members_place_in_it(drawn: Catalog) -> None:
    plain = SnapshotDataset("drawn@1", drawn.home.path)
    data = SnapshotDataset("drawn@1", drawn.home.path, seed=3)
    first = [data[place]["position"] for place in range(20)]
    assert first != sorted(first) == list(range(20))
    assert all(data[place] == plain[first[place]] for place in range(20))
    data.set_epoch(1)
    second = [data[place]["position"] for place in range(20)]
    assert second != first and sorted(second) == sorted(first)
    other = pickle.loads(pickle.dumps(data))
    assert [other[place]["position"] for place in range(20)] == second


def test_workers_that_live_on_hear_of_the_next_epoch(drawn: Catalog) -> None:
    data = SnapshotDataset("drawn@1", drawn.home.path, seed=3)
    loader: Any = DataLoader(
        data,
        batch_size=4,
        num_workers=1,
        persistent_workers=True,
        collate_fn=columns,
        multiprocessing_context="forkserver",
    )
    for epoch in range(3):
        data.set_epoch(epoch)
        wanted = [data[place]["position"] for place in range(20)]
        assert [position for batch in loader for position in batch["position"]] == wanted


def test_a_state_of_other_data_is_refused(drawn: Catalog) -> None:
    data = SnapshotDataset("drawn@1", drawn.home.path, seed=3)
    data.set_epoch(4)
    fresh = SnapshotDataset("drawn@1", drawn.home.path, seed=3)
    fresh.load_state_dict(data.state_dict())
    assert (fresh.epoch, fresh[0]) == (4, data[0])
    with pytest.raises(Conflict, match="of seed 3, the data set of 4"):
        SnapshotDataset("drawn@1", drawn.home.path, seed=4).load_state_dict(data.state_dict())


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_ranks_together_see_the_order_once_and_what_fills_up_is_marked(world_size: int) -> None:
    data = [{"number": number} for number in range(20)]
    order = [Order(20, 5, 0)[place] for place in range(20)]
    ranks = [Batches(data, 3, rank=r, world_size=world_size, seed=5) for r in range(world_size)]
    together = zip(*ranks, strict=True)
    flat = [
        (number, repeated)
        for step in together
        for batch in step
        for number, repeated in zip(batch["number"], batch["repeated"], strict=True)
    ]
    filled = -20 % (3 * world_size)
    assert [number for number, repeated in flat if not repeated] == order
    assert [number for number, repeated in flat if repeated] == order[:filled]


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("stop", [0, 1, 4, 6, 7, 9])
def test_batches_go_on_after_what_was_given_out_not_what_was_fetched(
    workers: int, stop: int
) -> None:
    data = [{"number": number} for number in range(20)]
    how: dict[str, Any] = {"num_workers": workers, "seed": 5}
    how |= {"multiprocessing_context": "fork", "prefetch_factor": 4} if workers else {}

    def given(batches: Batches, most: int) -> list[tuple[int, list[int]]]:
        found = []
        for _ in range(batches.epoch, 2):
            epoch = batches.epoch
            for batch in batches:
                found.append((epoch, batch["number"]))
                if len(found) == most:
                    return found
        return found

    whole = given(Batches(data, 3, **how), 100)
    assert len(whole) == 14
    begun = Batches(data, 3, **how)
    before = given(begun, stop) if stop else []
    resumed = Batches(data, 3, **how)
    resumed.load_state_dict(begun.state_dict())
    assert before + given(resumed, 100) == whole


def test_a_run_may_go_on_with_more_processes() -> None:
    data = list(range(20))
    one = Batches(data, 2, seed=5)
    seen = [number for _, batch in zip(range(4), one, strict=False) for number in batch]
    pair = [Batches(data, 3, rank=rank, world_size=2, seed=5) for rank in range(2)]
    for batches in pair:
        batches.load_state_dict(one.state_dict())
    seen += [number for step in zip(*pair, strict=True) for batch in step for number in batch]
    assert seen == [Order(20, 5, 0)[place] for place in range(20)]
    with pytest.raises(Conflict, match="of size 20, these batches of 19"):
        Batches(data[1:], 2, seed=5).load_state_dict(one.state_dict())


def test_what_is_too_long_is_left_out_and_told(drawn: Catalog, tmp_path: Path) -> None:
    from tests.training_loops import tokenizer

    data = SnapshotDataset("drawn@1", drawn.home.path, seed=3, transform=Encoder(tokenizer(), 9))
    whole = [SnapshotDataset("drawn@1", drawn.home.path)[place] for place in range(20)]
    long = {row["content_hash"] for row in whole if len(row["messages"][1]["content"]) % 3 == 0}
    lengths = {row["content_hash"]: row["messages"][1]["content"] for row in whole}
    found = data.leave_out(lambda item: "odd" if item["content_hash"] in long else None)
    assert {reason: set(hashes) for reason, hashes in found.items()} == {"odd": long}
    left = {data[place]["content_hash"] for place in range(len(data))}
    assert left == lengths.keys() - long
    with Ledger(tmp_path, "short") as ledger:
        for reason, hashes in found.items():
            ledger.drop(hashes, reason)
    assert len(list((tmp_path / "short").glob("*.dropped.arrow"))) == 1


def test_ids_are_looked_up_and_computed(drawn: Catalog) -> None:
    first = SnapshotDataset("drawn@1", drawn.home.path)[0]
    wanted = bytes.fromhex(first["content_hash"])
    rows = drawn.sql("select hash, external_id from appearance join pool using (sample_id)")
    ids = {row["hash"]: row["external_id"] for row in rows.to_pylist()}
    assert catalog.content_hash(first["messages"]) == first["content_hash"]
    for item, column in [
        ({"content_hash": first["content_hash"]}, None),
        ({"catalog": {"content_hash": first["content_hash"]}, "id": "x"}, None),
        ({"messages": first["messages"], "id": "x"}, None),
        ({"id": ids[first["content_hash"]]}, None),
        ({"name": ids[first["content_hash"]]}, "name"),
        ({"mark": wanted}, "mark"),
    ]:
        assert identity_of([item], column, drawn.home.path)(item) == wanted
    with pytest.raises(InvalidInput, match="no home"):
        identity_of([{"id": "s1"}])
    with pytest.raises(InvalidInput, match=r"1 of 1 ids in 'id' .*: nobody"):
        identity_of([{"id": "nobody"}], home=drawn.home.path)
    with pytest.raises(InvalidInput, match="says nowhere"):
        identity_of([{"input_ids": [1]}])


def test_the_loss_is_on_what_the_assistant_says() -> None:
    from tests.training_loops import tokenizer

    words = tokenizer()
    talk = [
        {"role": "user", "content": "w1 w1"},
        {"role": "assistant", "content": "w2"},
        {"role": "user", "content": "w3"},
        {"role": "assistant", "content": "w4 w5"},
    ]
    item = Encoder(words, 9)({"messages": talk})
    text = ["<user>", "w1", "w1", "<assistant>", "w2", "<eos>", "<user>", "w3", "<assistant>"]
    assert words.convert_ids_to_tokens(item["input_ids"]) == text
    learned = [label for label in item["labels"] if label != -100]
    assert words.convert_ids_to_tokens(learned) == ["w2", "<eos>"]
    assert item["truncated_tokens"] == 3
    words.chat_template = None
    plain = Encoder(words, 99)({"messages": talk})
    learned = [label for label in plain["labels"] if label != -100]
    assert len(learned) and plain["truncated_tokens"] == 0
