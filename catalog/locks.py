"""Locks between processes on one machine: a fair pair for the database, named ones for jobs.

DuckDB lets one process write a file or many read it. Looping readers would keep a writer out for
good, so both pass a gate: a writer holds it while it waits for the readers inside to leave, and
new readers wait before it. Who waits looks again and again, so a writer that writes on and on lets
some time pass in between. The operating system drops these locks when a process dies.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from catalog.errors import HomeBusy, HomeError

FIRST_PAUSE_SECONDS = 0.001
LONGEST_PAUSE_SECONDS = 0.02
ASIDE_SECONDS = 2 * LONGEST_PAUSE_SECONDS
"""A writer that was long inside stands aside for so long, that all who wait look meanwhile."""

ASIDE_SHARE = 0.1
"""Of the time inside, if that is less."""


def holders(path: Path) -> list[int]:
    """Return the processes that hold a lock on this file, as far as the system tells."""
    inode = str(path.stat().st_ino)
    pids = []
    with suppress(OSError):
        for line in Path("/proc/locks").read_text().splitlines():
            fields = line.split()
            if "->" not in fields and fields[5].rsplit(":", 1)[-1] == inode:
                pids.append(int(fields[4]))
    return pids


def describe_process(pid: int) -> str:
    """Return a process's number and command line, for an error message."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return f"process {pid}"
    return f"process {pid} ({b' '.join(words).decode(errors='replace').strip()[:120]})"


class FileLock:
    """One advisory lock on one file, shared or exclusive."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def _open(self) -> int:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise HomeError(
                f"cannot use the lock {self.path}: {error.strerror}",
                hint="A home must be writable, also to read it: its locks are files.",
            ) from error

    @contextmanager
    def held(self, *, exclusive: bool, timeout_seconds: float) -> Iterator[None]:
        """Hold the lock for the block.

        Raises:
            HomeBusy: the lock was not free within `timeout_seconds`; names who holds it.
        """
        descriptor = self._open()
        try:
            self._acquire(descriptor, exclusive, timeout_seconds)
            yield
        finally:
            os.close(descriptor)

    def _acquire(self, descriptor: int, exclusive: bool, timeout_seconds: float) -> None:
        mode = (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB
        deadline = time.monotonic() + timeout_seconds
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                return fcntl.flock(descriptor, mode)
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    who = " and ".join(map(describe_process, holders(self.path)[:3]))
                    raise HomeBusy(
                        f"waited {timeout_seconds:g} s for {self.path.name!r}, held by "
                        f"{who or 'another process'}",
                        hint="Wait for it to end, or raise lock_timeout_seconds in catalog.toml.",
                    ) from error
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def is_free(self) -> bool:
        """Tell whether nobody holds the lock alone at this moment."""
        descriptor = self._open()
        try:  # shared, so that two who ask at once do not take each other for the holder
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(descriptor)
        return True


class Turnstile:
    """Many readers or one writer; who waits goes before those that come later, or come again."""

    def __init__(self, folder: Path, timeout_seconds: float) -> None:
        self._gate = FileLock(folder / "gate")
        self._room = FileLock(folder / "room")
        self._timeout_seconds = timeout_seconds

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Share the room with other readers."""
        limit = self._timeout_seconds
        gate = self._gate.held(exclusive=False, timeout_seconds=limit)
        room = self._room.held(exclusive=False, timeout_seconds=limit)
        with gate:
            room.__enter__()
        try:
            yield
        finally:
            room.__exit__(None, None, None)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Have the room alone."""
        limit = self._timeout_seconds
        with (
            self._gate.held(exclusive=True, timeout_seconds=limit),
            self._room.held(exclusive=True, timeout_seconds=limit),
        ):
            since = time.monotonic()
            yield
        time.sleep(min((time.monotonic() - since) * ASIDE_SHARE, ASIDE_SECONDS))
