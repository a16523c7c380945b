"""A few processes that stage blocks side by side.

They speak over their own pipes rather than through `multiprocessing`, whose workers run the
caller's main module again: a plain script that calls `ingest.load` must simply work. A worker ends
when its pipe closes, so none outlives a killed job.
"""

import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from queue import SimpleQueue
from types import TracebackType

from catalog.errors import CatalogError, StoreError
from ingest.formats import FormatName
from ingest.pipes import end, start, write
from ingest.readers import Block
from ingest.staging import Plan, Staged, stage

INLINE_BYTES = 8 << 20
"""Inputs smaller than this are not worth starting processes for."""

MOST_PROCESSES = 4
"""More would wait for the one that reads and commits, and each holds some blocks in memory."""

BLOCKS_WAITING = 32
"""Blocks found ahead for each process, so that none is idle while a chunk is committed."""

HELD_BYTES = 1 << 26
"""What those may hold that are in memory: of compressed files, which only one can read."""

PIPE_BYTES = 1 << 20
"""Of each pipe: the usual 64 kB would wake both ends for every piece of a block."""

Work = tuple[int, FormatName, Block]


def processes() -> int:
    """Return how many to start: a core is left to the one that reads and commits."""
    return max(min((os.cpu_count() or 1) - 1, MOST_PROCESSES), 1)


class Stagers:
    """Stages blocks in order of arrival; results come in the same order.

    Args:
        plan: how every block is read.
        size_bytes: of all inputs together; small ones are staged in this process.
    """

    def __init__(self, plan: Plan, size_bytes: int) -> None:
        self._plan = plan
        self._size = processes() if size_bytes > INLINE_BYTES else 0

    def __enter__(self) -> "Stagers":
        """Start the processes."""
        self._stack = ExitStack()
        self._idle: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
        self._threads = self._stack.enter_context(ThreadPoolExecutor(max(1, self._size)))
        for _ in range(self._size):
            process = _start()
            self._stack.callback(end, process)
            self._idle.put(process)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the processes."""
        self._stack.__exit__(kind, error, trace)

    def run(self, work: Iterator[Work]) -> Iterator[Staged]:
        """Stage all blocks, few of them in memory at a time."""
        waiting: deque[tuple[Future[Staged], int]] = deque()
        held = 0
        for item in work:
            size = item[-1].held_bytes
            waiting.append((self._threads.submit(self._stage, item), size))
            held += size
            while len(waiting) > BLOCKS_WAITING * self._size or held > HELD_BYTES:
                staged, size = waiting.popleft()
                held -= size
                yield staged.result()
        for staged, _ in waiting:
            yield staged.result()

    def _stage(self, work: Work) -> Staged:
        number, format_name, block = work
        if not self._size:
            return stage(block, number, format_name, self._plan)
        process = self._idle.get()
        try:
            return _ask(process, (block, number, format_name, self._plan))
        finally:
            self._idle.put(process)


def _start() -> subprocess.Popen[bytes]:
    return start("ingest.workers", {}, PIPE_BYTES)


def _ask(process: subprocess.Popen[bytes], question: object) -> Staged:
    assert process.stdin and process.stdout
    try:
        write(process.stdin, question)
        answer = pickle.load(process.stdout)
    except (EOFError, OSError, pickle.UnpicklingError) as error:
        raise StoreError(
            f"process {process.pid}, which was to read rows, ended with code {process.wait()}",
            hint="Was it short of memory? Run the same command again: it goes on where it was.",
        ) from error
    if isinstance(answer, CatalogError):
        raise answer
    assert isinstance(answer, Staged)
    return answer


class _WithoutPandas:
    """Keeps a process from importing pandas.

    PyArrow asks of every list whether it is one of pandas', and imports that first where it can:
    a quarter of a second in each process, for nothing.
    """

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Refuse pandas, and leave all else to others."""
        if name == "pandas":
            raise ModuleNotFoundError("pandas is not for this process", name=name)


def main() -> None:
    """Serve one parent until its pipe closes."""
    import gc

    gc.disable()  # rows hold no cycles, and most of the time would go into looking for them
    sys.meta_path.insert(0, _WithoutPandas())
    # The parent is done with us, or was killed, perhaps in the middle of a question.
    with suppress(EOFError, BrokenPipeError, pickle.UnpicklingError):
        while True:
            block, number, format_name, plan = pickle.load(sys.stdin.buffer)
            try:
                answer: Staged | CatalogError = stage(block, number, format_name, plan)
            except CatalogError as error:
                answer = error
            write(sys.stdout.buffer, answer)


if __name__ == "__main__":
    main()
