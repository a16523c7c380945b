"""Backups: a whole home elsewhere, also while others work on it."""

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

import catalog
from catalog import Catalog
from catalog.backup import backup, restore, size_bytes
from catalog.errors import HomeNotFound, InvalidInput, OutputExists, StoreError
from catalog.ledger import Ledger
from catalog.spaces import the_space
from catalog.store import Store
from catalog.vectors import Embedded, Vectors
from tests.tiny import add_vectors


@pytest.fixture
def full(stocked_home: Path, tmp_path: Path) -> Catalog:
    """A home with a space, a snapshot, and runs whose names are those of a home's folders."""
    cat = catalog.open(shutil.copytree(stocked_home, tmp_path / "home"))
    add_vectors(cat, "made", {n: [1.0, n] for n in range(1, 43)}, {1: [0.0, 1.0]})
    found = cat.select("drawn", method="random", size=6)
    for run in ("cache", "locks", "staging"):
        with Ledger(cat.home.ledger, run, snapshot="drawn@1") as ledger:
            ledger.record(step=1, content_hashes=found.members()["hash"].to_pylist())
    cat.home.cache.mkdir(exist_ok=True)
    (cat.home.cache / "large").write_bytes(b"x" * 1000)
    return cat


def check_same(one: Catalog, two: Catalog) -> None:
    assert one.snapshot("drawn").digest == two.snapshot("drawn").digest
    assert two.verify("drawn").problems == []
    tables = []
    for cat in (one, two):
        with Store(cat.home).read() as reader:
            space = the_space(reader, "made").space
        tables.append(Vectors(cat.home, space, "sample").of(range(1, 43)))
    assert np.array_equal(*tables)
    assert sorted(two.import_runs().runs) == ["cache", "locks", "staging"]


def test_a_backup_is_a_home_and_comes_back(full: Catalog, tmp_path: Path) -> None:
    report = full.backup(tmp_path / "copies" / "one")
    assert (report.path, report.revision) == (tmp_path / "copies" / "one", full.status().revision)
    assert report.size_bytes == size_bytes(report.path)
    copy = catalog.open(report.path)
    assert not copy.home.cache.exists()
    check_same(full, copy)
    shutil.rmtree(full.home.path)
    back = restore(report.path, full.home.path)
    assert back.path == full.home.path
    check_same(copy, catalog.open(full.home.path))


def test_a_backup_overwrites_nothing(full: Catalog, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("kept")
    (tmp_path / "file").write_text("kept")
    (tmp_path / "empty").mkdir()
    for target in (tmp_path / "full", tmp_path / "file", full.home.path):
        with pytest.raises(OutputExists, match="exists and is not empty"):
            full.backup(target)
    with pytest.raises(InvalidInput, match="inside the home"):
        full.backup(full.home.path / "inside")
    assert full.backup(tmp_path / "empty").size_bytes > 0
    with pytest.raises(OutputExists):
        restore(tmp_path / "empty", full.home.path)
    with pytest.raises(HomeNotFound):
        restore(tmp_path / "full", tmp_path / "new")


def test_what_a_stopped_backup_left_does_not_matter(full: Catalog, tmp_path: Path) -> None:
    (tmp_path / ".copy.partial").mkdir()
    (tmp_path / ".copy.partial" / "half").write_text("")
    check_same(full, catalog.open(full.backup(tmp_path / "copy").path))
    assert not (tmp_path / ".copy.partial").exists()
    assert not (tmp_path / "copy" / "half").exists()


def test_what_cannot_be_written_is_our_error(
    full: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot copy"):
        full.backup(tmp_path / "file" / "inside")
    monkeypatch.setattr("shutil.disk_usage", lambda path: shutil._ntuple_diskusage(9, 9, 0))
    with pytest.raises(StoreError, match="less is free"):
        full.backup(tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_vectors_that_are_added_meanwhile_do_not_break_the_copy(
    full: Catalog, tmp_path: Path
) -> None:
    with Store(full.home).read() as reader:
        space = the_space(reader, "made").space
    vectors = Vectors(full.home, space, "sample")
    stop = threading.Event()

    def add() -> None:
        key = 1000
        while not stop.is_set():
            value = np.array([[0.6, 0.8]], np.float32)
            one = np.ones(1, np.float32)
            vectors.append(
                Embedded(np.array([key]), value, one, np.ones(1, np.int32), np.zeros(1, bool))
            )
            key += 1

    writer = threading.Thread(target=add)
    writer.start()
    try:
        copies = [catalog.open(backup(full.home, tmp_path / f"copy{n}").path) for n in range(4)]
    finally:
        stop.set()
        writer.join()
    for copy in copies:
        found = Vectors(copy.home, space, "sample")
        assert len(found.facts()) == sum(len(ids) for ids, _ in found.scan()) >= 42


def test_a_size_is_told_while_files_come_and_go(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 10)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "b").write_bytes(b"x" * 5)
    assert size_bytes(tmp_path) == 15
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            folder = tmp_path / "folder" / "passing"
            folder.mkdir()
            (folder / "c").write_bytes(b"x")
            shutil.rmtree(folder)

    writer = threading.Thread(target=churn)
    writer.start()
    try:
        assert all(15 <= size_bytes(tmp_path) <= 16 for _ in range(300))
    finally:
        stop.set()
        writer.join()
