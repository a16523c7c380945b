"""Locks between processes: fair, dropped by the dead, and their errors name the holder."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from catalog.errors import HomeBusy, HomeError
from catalog.locks import FileLock, Turnstile, describe_process, holders

PROJECT = Path(__file__).parents[1]
HOLD = """
import sys, time
from pathlib import Path
from catalog.locks import FileLock
with FileLock(Path(sys.argv[1])).held(exclusive=sys.argv[2] == "alone", timeout_seconds=5):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as held:
        yield held


def hold_elsewhere(stack: ExitStack, path: Path, how: str = "alone") -> subprocess.Popen[str]:
    """Hold a lock in another process until the test ends."""
    command = [sys.executable, "-c", HOLD, str(path), how]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    stack.callback(process.communicate)
    stack.callback(process.kill)
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.parametrize(
    ("one", "other", "goes"),
    [(True, True, False), (True, False, False), (False, True, False), (False, False, True)],
)
def test_only_sharers_hold_a_lock_together(
    tmp_path: Path, one: bool, other: bool, goes: bool
) -> None:
    lock = FileLock(tmp_path / "x")
    with lock.held(exclusive=one, timeout_seconds=0), ExitStack() as held:
        try:
            held.enter_context(lock.held(exclusive=other, timeout_seconds=0))
        except HomeBusy:
            assert not goes
        else:
            assert goes
    with lock.held(exclusive=True, timeout_seconds=0):
        pass


def test_waiting_too_long_names_who_holds_the_lock(tmp_path: Path, stack: ExitStack) -> None:
    process = hold_elsewhere(stack, tmp_path / "gate")
    begun = time.monotonic()
    with (
        pytest.raises(HomeBusy) as found,
        FileLock(tmp_path / "gate").held(exclusive=False, timeout_seconds=0.1),
    ):
        pass
    assert 0.1 <= time.monotonic() - begun < 5
    assert found.value.message.startswith(
        f"waited 0.1 s for 'gate', held by process {process.pid} ("
    )
    assert sys.executable in found.value.message
    assert found.value.hint == "Wait for it to end, or raise lock_timeout_seconds in catalog.toml."


def test_all_who_share_a_lock_are_its_holders(tmp_path: Path, stack: ExitStack) -> None:
    processes = [hold_elsewhere(stack, tmp_path / "room", "shared") for _ in range(2)]
    assert sorted(holders(tmp_path / "room")) == sorted(process.pid for process in processes)


def test_a_killed_process_holds_nothing(tmp_path: Path, stack: ExitStack) -> None:
    process = hold_elsewhere(stack, tmp_path / "x")
    lock = FileLock(tmp_path / "x")
    assert not lock.is_free()
    process.kill()
    process.wait()
    assert lock.is_free()
    with lock.held(exclusive=True, timeout_seconds=0):
        assert holders(tmp_path / "x") == [os.getpid()]


def test_a_process_of_ours_does_not_inherit_a_lock(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "x")
    with lock.held(exclusive=True, timeout_seconds=0):
        process = subprocess.Popen(["sleep", "30"])
    try:
        assert lock.is_free()
    finally:
        process.kill()
        process.wait()


def test_those_who_only_ask_do_not_take_each_other_for_the_holder(tmp_path: Path) -> None:
    lock, answers = FileLock(tmp_path / "x"), list[bool]()

    def ask() -> None:
        answers.extend(lock.is_free() for _ in range(300))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 1200


def test_a_lock_that_cannot_be_a_file_is_an_error_of_the_home(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HomeError) as found:
        FileLock(tmp_path / "file" / "x").is_free()
    assert found.value.message.startswith(f"cannot use the lock {tmp_path}/file/x: ")
    assert found.value.hint == "A home must be writable, also to read it: its locks are files."


def test_a_process_is_described_by_its_command() -> None:
    assert describe_process(os.getpid()).startswith(f"process {os.getpid()} (")
    assert describe_process(2**30) == f"process {2**30}"


def test_readers_share_the_room_and_a_writer_has_it_alone(tmp_path: Path) -> None:
    turnstile = Turnstile(tmp_path, 0.05)
    readers = turnstile.reading(), turnstile.reading()
    late = pytest.raises(HomeBusy, match="for 'room'")
    with readers[0], readers[1], late, turnstile.writing():
        pass
    with turnstile.writing():
        for busy in (turnstile.reading, turnstile.writing):
            with pytest.raises(HomeBusy, match="for 'gate'"), busy():
                pass
    with turnstile.writing():
        pass


def test_a_waiting_writer_goes_before_readers_that_come_later(tmp_path: Path) -> None:
    turnstile, order = Turnstile(tmp_path, 10), list[str]()

    def write() -> None:
        with turnstile.writing():
            order.append("writer")

    def read() -> None:
        with turnstile.reading():
            order.append("later reader")

    gate = FileLock(tmp_path / "gate")
    writer, reader = threading.Thread(target=write), threading.Thread(target=read)
    with turnstile.reading():
        writer.start()
        while gate.is_free():
            time.sleep(0.001)
        reader.start()
        time.sleep(0.05)
        order.append("first reader")
    writer.join()
    reader.join()
    assert order == ["first reader", "writer", "later reader"]


def test_a_writer_that_comes_again_at_once_lets_a_waiting_reader_in(tmp_path: Path) -> None:
    turnstile, order, inside = Turnstile(tmp_path, 10), list[str](), threading.Event()

    def write() -> None:
        for _ in range(4):
            with turnstile.writing():
                order.append("writer")
                inside.set()
                time.sleep(0.5)

    writer = threading.Thread(target=write)
    writer.start()
    inside.wait()
    with turnstile.reading():
        order.append("reader")
    writer.join()
    assert order == ["writer", "reader", "writer", "writer", "writer"]


def test_an_error_inside_gives_the_room_back(tmp_path: Path) -> None:
    turnstile = Turnstile(tmp_path, 0)
    for enter in (turnstile.reading, turnstile.writing):
        with pytest.raises(ValueError, match="oops"), enter():
            raise ValueError("oops")
    with turnstile.writing():
        pass
