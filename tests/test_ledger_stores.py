"""The ledger in an object store, over S3's protocol; needs `moto_server` (moto[server]) on PATH."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from urllib.error import URLError
from urllib.request import Request, urlopen

import pyarrow as pa
import pytest

from catalog.errors import Conflict, UnreadableInput
from catalog.ledger import Ledger, LedgerWarning, RunFolder

A, B, C = (bytes([n]) * 32 for n in (1, 2, 3))


class Store:
    """A server that keeps one bucket in memory, and may be stopped and started."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        query = f"scheme=http&endpoint_override=127.0.0.1:{self.port}&region=us-east-1"
        self.place = f"s3://key:secret@bucket/ledger?{query}"

    def start(self) -> None:
        server = str(shutil.which("moto_server"))
        command = [server, "-H", "127.0.0.1", "-p", str(self.port)]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        request = Request(f"http://127.0.0.1:{self.port}/bucket", method="PUT")
        for _ in range(300):
            try:
                urlopen(request, timeout=5).close()
                return
            except (URLError, ConnectionError):
                time.sleep(0.1)
        raise AssertionError("the server does not answer")

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def store() -> Iterator[Store]:
    if not shutil.which("moto_server"):
        pytest.skip("no moto_server here")
    made = Store()
    made.start()
    yield made
    made.stop()


def steps(folder: RunFolder) -> list[int]:
    found = []
    for name in folder.names():
        if name.endswith(".exposures.arrow"):
            table = pa.ipc.open_file(pa.BufferReader(folder.read(name))).read_all()
            found += table["step"].to_pylist()
    return found


def test_a_bucket_holds_ledgers_as_a_folder_does(store: Store) -> None:
    for attempt, rank in ((0, 1), (0, 0), (1, 0), (1, 1)):
        with Ledger(store.place, "run", rank, world_size=2, snapshot="a@1") as ledger:
            assert ledger.attempt == attempt
            ledger.record([A, B], step=attempt + 1)
    folder = RunFolder(store.place, "run")
    assert steps(folder) == [1, 1, 1, 1, 2, 2, 2, 2]
    assert [name for name in folder.names() if name.endswith(".json")] == [
        "attempt-0000-00000.json",
        "attempt-0000-00001.json",
        "attempt-0001-00000.json",
        "attempt-0001-00001.json",
        "run.json",
    ]
    assert RunFolder(store.place, "other").names() == []
    with pytest.raises(Conflict, match="was begun with snapshots"):
        Ledger(store.place, "run", snapshot="b@1")
    folder.put("finished.json", b"{}")
    with pytest.raises(Conflict, match="is finished"):
        Ledger(store.place, "run")


def test_rows_wait_while_the_store_is_out_of_reach(store: Store) -> None:
    ledger = Ledger(store.place, "run", flush_seconds=1000)
    ledger.record([A], step=1)
    store.stop()
    with pytest.warns(LedgerWarning, match="cannot be written and waits in memory"):
        ledger.flush()
    ledger.record([B], step=2)
    began = time.monotonic()
    ledger.flush()  # which takes a while to fail, and nobody waits for that again
    assert time.monotonic() - began < 5
    store.start()  # and has lost what it held, which is not the ledger's matter
    ledger.close()
    assert steps(RunFolder(store.place, "run")) == [1, 2]


def test_a_bucket_that_is_not_there_is_named(store: Store) -> None:
    with pytest.raises(UnreadableInput, match="nobucket/ledger/run cannot be written"):
        Ledger(store.place.replace("bucket", "nobucket", 1), "run")
