"""Training on a snapshot: what a loader gives out is what was frozen, known by its hash."""

import pickle
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from torch.utils.data import DataLoader

import catalog
from catalog import Catalog
from catalog.errors import HomeNotFound, UnknownName
from catalog.ledger import Ledger
from catalog.training import SnapshotDataset


@pytest.fixture(scope="module")
def drawn(stocked_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """A home with the snapshot `drawn@1` of twenty members."""
    home = shutil.copytree(stocked_home, tmp_path_factory.mktemp("drawn") / "home")
    catalog.open(home).select("drawn", method="random", size=20)
    return catalog.open(home)


def together(examples: list[Any]) -> list[Any]:
    return examples


def test_members_come_in_order_with_their_hash_and_text(drawn: Catalog) -> None:
    data = SnapshotDataset("drawn@1", drawn.home.path)
    members = drawn.snapshot("drawn@1").members()["hash"].to_pylist()
    assert [data[position]["content_hash"] for position in range(len(data))] == members
    texts = {
        row["hash"]: [{k: m[k] for k in ("role", "content")} for m in row["messages"]]
        for row in drawn.sql("select hash, messages from pool").to_pylist()
    }
    assert all(data[n]["messages"] == texts[members[n]] for n in range(20))
    assert [data[n]["position"] for n in range(20)] == list(range(20))
    assert data[0]["tools"] is None


def test_positions_count_from_either_end_and_no_further(drawn: Catalog) -> None:
    data = SnapshotDataset("drawn", str(drawn.home.path))
    assert data[-1] == data[19]
    for position in (20, -21):
        with pytest.raises(IndexError):
            data[position]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_with_workers_gives_everything_once(drawn: Catalog, workers: int) -> None:
    data = SnapshotDataset("drawn@1", drawn.home.path)
    assert data[3]["position"] == 3  # opened here already, before the workers are made
    # Spawned, since a fork of this process would take along what other tests have imported.
    context = "spawn" if workers else None
    loader = DataLoader(
        data,
        batch_size=3,
        num_workers=workers,
        collate_fn=together,
        multiprocessing_context=context,
    )
    batches = list(loader)
    assert [example["position"] for batch in batches for example in batch] == list(range(20))
    assert pickle.loads(pickle.dumps(data))[5] == data[5]


def test_the_text_is_written_once_and_a_killed_write_leaves_nothing(
    drawn: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(drawn.home.cache, ignore_errors=True)
    for name, size in (("RUN_CHARACTERS", 900), ("PART_CHARACTERS", 500), ("STRETCH", 1)):
        monkeypatch.setattr(f"catalog.exporting.ordering.{name}", size)
    with monkeypatch.context() as patched:
        patched.setattr("pyarrow.ipc.new_file", _fail)
        with pytest.raises(OSError, match="full"):
            SnapshotDataset("drawn@1", drawn.home.path)
    assert list(drawn.home.cache.iterdir()) == []
    first = SnapshotDataset("drawn@1", drawn.home.path)
    [path] = drawn.home.cache.iterdir()
    written = path.stat().st_mtime_ns
    second = SnapshotDataset("drawn", drawn.home.path)
    assert path.stat().st_mtime_ns == written
    with pa.ipc.open_file(path) as reader:
        assert reader.num_record_batches > 1
    assert [first[n] for n in range(20)] == [second[n] for n in range(20)]


def _fail(*args: object) -> None:
    raise OSError("the disk is full")


def test_what_is_not_there_says_so(drawn: Catalog, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="no snapshot named 'draw'"):
        SnapshotDataset("draw", drawn.home.path)
    with pytest.raises(HomeNotFound):
        SnapshotDataset("drawn", tmp_path)


def test_a_plain_loop_with_a_ledger_can_be_audited(drawn: Catalog) -> None:
    data = SnapshotDataset("drawn@1", drawn.home.path)
    loader = DataLoader(data, batch_size=4, shuffle=True, collate_fn=together)
    told: dict[str, int] = {}
    with Ledger(drawn.home.ledger, "loop", snapshot=str(data.snapshot)) as ledger:
        for step, batch in enumerate(loader, 1):
            hashes = [example["content_hash"] for example in batch]
            ledger.record(step=step, content_hashes=hashes)
            told |= dict.fromkeys(hashes, step)
    drawn.import_runs()
    for mark, step in told.items():
        [run] = drawn.audit_sample(mark).runs
        assert (run["run"], run["steps"]) == ("loop", [step])
    summary = drawn.audit_run("loop").summary
    assert (summary["steps"], summary["exposures"], summary["members_not_seen"]) == (5, 20, 0)
