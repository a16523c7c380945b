"""Several devices embed one space: a process each, which reads, tokenises and computes by itself.

The parent deals out windows and stores what comes back. Questions and answers are pickled through
pipes; a process ends when its pipe closes, so none outlives a killed job.
"""

import os
import pickle
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from queue import Queue
from threading import Lock, Thread
from types import TracebackType
from typing import Any

from catalog.errors import CatalogError, ModelError
from catalog.home import Home
from catalog.model import EmbeddingSpace
from ingest.options import EncoderOptions
from ingest.passes import Batch, Read, Wanted
from ingest.pipes import end, start, write

AHEAD = 3
"""Windows that a process has: it tells of one when it begins with the next, and has read on by
then."""

WAITING = 64
"""Answers that may wait to be stored."""


@dataclass(frozen=True)
class Model:
    """Which model a process loads, and how; the arguments of `Encoder`."""

    model: str
    options: EncoderOptions
    head: bool


@dataclass(frozen=True)
class Loaded:
    """What an encoder tells of itself."""

    space: EmbeddingSpace
    location: str
    limit: int
    processor: str


class Crew:
    """Processes that have loaded a model, one for each device.

    Attributes:
        space: the model's, as `Encoder.space`.
        location: as `Encoder.location`.
        limit: as `Encoder.limit`.
        processor: as `Encoder.processor`.
        processes: one for each device.
    """

    def __init__(self, model: str, options: EncoderOptions, *, head: bool = False) -> None:
        """Start a process for each device that `options.device` names, and load the model in all.

        Raises:
            CatalogError: what `Encoder` raises in any of them; none is left running.
        """
        with ExitStack() as stack:
            devices = options.devices
            self.processes = [_start(device, len(devices)) for device in devices]
            for process in self.processes:
                # It may be in the middle of a batch that nobody waits for any more.
                stack.callback(end, process, at_once=True)
            for process, device in zip(self.processes, devices, strict=True):
                _send(process, Model(model, replace(options, device=device), head))
            told = [_receive(process) for process in self.processes]
            self._stack = stack.pop_all()
        first: Loaded = told[0]
        self.space, self.location = first.space, first.location
        self.limit, self.processor = first.limit, first.processor

    def __enter__(self) -> "Crew":
        """Keep the processes for a block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the processes."""
        self._stack.__exit__(kind, error, trace)


class Shares:
    """Deals windows out to a crew, to each process the next one when it begins with another."""

    def __init__(self, home: Home, crew: Crew, batch_tokens: int, nll: bool) -> None:
        """Tell the crew what it works on; arguments as for `Passes`."""
        self._processes = crew.processes
        self._lock = Lock()
        for process in self._processes:
            _send(process, (home.path, crew.space, batch_tokens, nll))

    def over(self, wanted: Iterable[Wanted]) -> Iterator[Read | Batch]:
        """Give what every process gives, as it comes; see `Passes.over`."""
        self._wanted = iter(wanted)
        answers: Queue[Any] = Queue(WAITING)
        threads = [
            Thread(target=self._serve, args=(process, answers), daemon=True)
            for process in self._processes
        ]
        for thread in threads:
            thread.start()
        left = len(threads)
        while left:
            answer = answers.get()
            if isinstance(answer, BaseException):
                raise answer
            if answer is None:
                left -= 1
            else:
                yield answer

    def _serve(self, process: subprocess.Popen[bytes], answers: "Queue[Any]") -> None:
        """Pass windows to a process and its answers on; None when all is done."""
        try:
            for _ in range(AHEAD):
                self._deal(process)
            while (answer := _receive(process)) is not None:
                if isinstance(answer, Read):
                    self._deal(process)
                answers.put(answer)
            answers.put(None)
        except BaseException as error:
            answers.put(error)

    def _deal(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            window = next(self._wanted, None)
        _send(process, window)


def _start(device: str, devices: int) -> subprocess.Popen[bytes]:
    settings = {}
    if device == "cpu":
        settings["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // devices))
    return start("ingest.serving", settings)


def _send(process: subprocess.Popen[bytes], value: object) -> None:
    assert process.stdin
    with suppress(BrokenPipeError):  # asking it for its answer tells why
        write(process.stdin, value)


def _receive(process: subprocess.Popen[bytes]) -> Any:  # noqa: ANN401
    assert process.stdout
    try:
        answer = pickle.load(process.stdout)
    except (EOFError, OSError, pickle.UnpicklingError) as error:
        raise ModelError(
            f"process {process.pid}, which ran the model, ended with code {process.wait()}",
            hint="Was it short of memory? Run the same command again: it goes on where it was.",
        ) from error
    if isinstance(answer, CatalogError):
        raise answer
    return answer
