"""An ingest that is killed, starved or crowded ends as one that had the machine for itself."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import catalog
import ingest
from catalog import Catalog
from catalog.errors import StoreError
from catalog.jobs import Counts
from ingest import chunks, commit, folders, readers, workers
from tests.conftest import talk

PROJECT = Path(__file__).parents[1]
SETTINGS = """
import os, signal, sys
import catalog, ingest
from catalog.store import Store
from ingest import chunks, commit, readers, workers
chunks.COMMIT_ROWS, readers.BLOCK_BYTES, readers.HEAD_BYTES = 250, 8000, 1000
commit.ROW_GROUP_ROWS = 100  # so that chunks end within blocks
home, path = sys.argv[1:3]
"""
SIDE_BY_SIDE = "workers.INLINE_BYTES = 0\n"
KILL_IN_COMMIT = """
made = chunks.commit
count = 0
def killed(*arguments):
    global count
    found = made(*arguments)
    count += 1
    if count == 2:  # the first chunk is committed; this one is written, and lost
        os.kill(os.getpid(), signal.SIGKILL)
    return found
chunks.commit = killed
"""
KILL_AFTER_COMMIT = """
def killed(path):
    os.kill(os.getpid(), signal.SIGKILL)
chunks.Path.unlink = killed  # the chunk is committed, its staged files are still there
"""
LOAD = """
report = ingest.load(catalog.open(home), [path], source="s", replace="replace" in sys.argv)
print(report.counts, report.resumed)
"""


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    """Run a script in another process."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def state(cat: Catalog) -> list[list[dict[str, Any]]]:
    """Everything an ingest writes, but for the clock and the times."""
    clock = "('change_id', 'started_at', 'finished_at', 'job_id')"
    columns = f"columns(lambda name: name not in {clock})"
    return [
        cat.sql(f"select {columns} from {table} order by all").to_pylist()
        for table in ("sample", "sample_source", "source", "rejection", "retirement", "job")
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of 1,200 rows, some of them twice and some broken."""
    lines = [json.dumps(talk(f"prompt {number % 1100}", id=number)) for number in range(1200)]
    lines[30::100] = ["{broken"] * 12
    file = tmp_path / "x.jsonl"
    file.write_text("\n".join(lines))
    return file


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same settings as the scripts have."""
    monkeypatch.setattr(chunks, "COMMIT_ROWS", 250)
    monkeypatch.setattr(commit, "ROW_GROUP_ROWS", 100)
    monkeypatch.setattr(readers, "BLOCK_BYTES", 8000)
    monkeypatch.setattr(readers, "HEAD_BYTES", 1000)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize(
    ("words", "kills"),
    [((), [KILL_IN_COMMIT, KILL_AFTER_COMMIT]), (("replace",), [KILL_IN_COMMIT])],
    ids=["plain", "replace"],
)
def test_a_killed_ingest_run_again_ends_as_if_it_had_not_been_killed(
    tmp_path: Path, path: Path, words: tuple[str, ...], kills: list[str]
) -> None:
    homes = [catalog.init(tmp_path / name) for name in ("whole", "killed")]
    old = tmp_path / "old.jsonl"
    old.write_text(json.dumps(talk("only in the old file")))
    for home in homes:
        ingest.load(home, [old], source="s")
    whole, killed = homes
    counts = ingest.load(whole, [path], source="s", replace=bool(words)).counts
    assert counts == Counts(read=1200, added=1089, duplicate=99, refused=12)
    for kill in kills:
        process = start(SETTINGS + kill + LOAD, killed.home.path, path, *words)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
    report = ingest.load(killed, [path], source="s", replace=bool(words))
    assert (report.counts, report.resumed) == (counts, True)
    assert state(killed) == state(whole)
    assert list(killed.home.staging.glob("job-*")) == []
    assert ingest.load(killed, [path], source="s").counts == Counts(
        read=1200, duplicate=1188, refused=12
    )


@pytest.mark.usefixtures("small_chunks")
def test_an_ingest_killed_at_any_moment_can_be_run_again(tmp_path: Path, path: Path) -> None:
    whole, killed = (catalog.init(tmp_path / name) for name in ("whole", "killed"))
    ingest.load(whole, [path], source="s")
    process = start(SETTINGS + SIDE_BY_SIDE + LOAD, killed.home.path, path)
    time.sleep(0.9)
    process.kill()
    process.communicate()
    ingest.load(killed, [path], source="s")
    assert state(killed)[:3] == state(whole)[:3]


def test_no_process_outlives_a_killed_ingest(tmp_path: Path, cat: Catalog, path: Path) -> None:
    script = SETTINGS + SIDE_BY_SIDE + "print('started', flush=True)" + LOAD
    process = start(script, cat.home.path, path)
    assert process.stdout
    process.stdout.readline()
    children = _children_of(process.pid)
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 10
    while any(map(_is_running, children)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(children) == workers.processes()
    assert not any(map(_is_running, children))


def _children_of(pid: int) -> list[int]:
    """Wait for the processes that an ingest starts."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if len(found) >= workers.processes():
            return [int(child) for child in found]
        time.sleep(0.005)
    return []


def _is_running(pid: int) -> bool:
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_a_dead_worker_ends_the_job_which_can_go_on(
    cat: Catalog, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "INLINE_BYTES", 0)
    started = workers._start

    def dying() -> subprocess.Popen[bytes]:
        process = started()
        process.kill()
        return process

    with monkeypatch.context() as patch:
        patch.setattr(workers, "_start", dying)
        with pytest.raises(StoreError, match="which was to read rows, ended with code -9"):
            ingest.load(cat, [path], source="s")
    assert [job["status"] for job in cat.jobs()] == ["failed"]
    report = ingest.load(cat, [path], source="s")
    assert (report.resumed, report.counts.added) == (True, 1089)


def test_an_error_in_a_worker_arrives_whole(
    cat: Catalog, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "INLINE_BYTES", 0)
    monkeypatch.setattr(folders, "mkdtemp", lambda **_: str(path))  # no folder to write into
    with pytest.raises(StoreError, match=r"cannot write .*Not a directory") as found:
        ingest.load(cat, [path], source="s")
    assert found.value.hint == (
        "Free some space and run the same command again: it goes on where it was."
    )


def test_an_interrupted_ingest_says_so_and_goes_on_when_asked_again(
    cat: Catalog, path: Path
) -> None:
    def interrupt(tick: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest.load(cat, [path], source="s", progress=interrupt)
    assert [(job["status"], job["error"]) for job in cat.jobs()] == [("interrupted", "interrupted")]
    assert ingest.load(cat, [path], source="s").resumed
    assert [job["status"] for job in cat.jobs()] == ["finished"]


def test_a_changed_file_is_another_job(cat: Catalog, path: Path) -> None:
    def fail(tick: object) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        ingest.load(cat, [path], source="s", progress=fail)
    with path.open("a") as file:
        file.write("\n" + json.dumps(talk("last")))
    report = ingest.load(cat, [path], source="s")
    assert (report.resumed, report.counts.read) == (False, 1201)
    assert [job["status"] for job in cat.jobs()] == ["finished", "failed"]


@pytest.mark.usefixtures("small_chunks")
def test_two_ingests_at_once_add_every_sample_once(
    tmp_path: Path, cat: Catalog, path: Path
) -> None:
    twin = start(SETTINGS + LOAD, cat.home.path, path)
    mine = ingest.load(cat, [path], source="s").counts
    _, err = twin.communicate()
    assert twin.returncode == 0, err
    jobs = cat.jobs()
    assert [(job["status"], job["rows_read"], job["rows_refused"]) for job in jobs] == [
        ("finished", 1200, 12)
    ] * 2
    assert sum(job["rows_added"] for job in jobs) == 1089
    assert mine.read == mine.added + mine.duplicate + mine.refused
    alone = catalog.init(tmp_path / "alone")
    ingest.load(alone, [path], source="s")
    assert state(cat)[:3] == state(alone)[:3]


@pytest.fixture
def readers_looping(cat: Catalog) -> Iterator[list[int]]:
    """Ten readers that count samples as fast as they can; an error of theirs fails the test."""
    stop, counts, errors = threading.Event(), list[int](), list[BaseException]()

    def loop() -> None:
        seen = 0
        try:
            while not stop.is_set():
                [(found,)] = (
                    tuple(row.values())
                    for row in catalog.open(cat.home.path)
                    .sql("select count(*) from sample")
                    .to_pylist()
                )
                assert found >= seen
                seen = found
                counts.append(found)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=loop) for _ in range(10)]
    for thread in threads:
        thread.start()
    yield counts
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []


@pytest.mark.usefixtures("small_chunks")
def test_ten_looping_readers_neither_starve_a_writer_nor_fail(
    cat: Catalog, path: Path, readers_looping: list[int]
) -> None:
    report = ingest.load(cat, [path], source="s")
    assert report.counts == Counts(read=1200, added=1089, duplicate=99, refused=12)
    assert len(set(readers_looping)) > 1, "they read while it was being written"


def test_a_plain_script_without_a_main_guard_may_ingest(
    tmp_path: Path, cat: Catalog, path: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text(SETTINGS + SIDE_BY_SIDE + LOAD)
    process = subprocess.run(
        [sys.executable, script, cat.home.path, path],
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.stdout.endswith("False\n"), process.stderr
    assert process.stdout.count("Counts") == 1
