"""Commands as the operating system sees them: wall seconds, memory of the process tree."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from threading import Event, Thread
from time import perf_counter
from typing import Any

import click

ROOT = Path(__file__).parents[2]
PROCESSES = Path("/proc")
POLL_SECONDS = 0.05
LAST_LINES = 12


class CommandFailed(Exception):
    """A command ended with an error; the message holds the end of what it said."""


@dataclass(frozen=True)
class Measured:
    """One run of one command.

    Attributes:
        seconds: wall time from start to end, starting the interpreter and imports included.
        cpu_seconds: processor time of all its processes; on a busy machine it says more.
        peak_memory_bytes: most resident memory that all its processes held together, pages that
            they share counted once for each; None where there is no /proc.
        output: what it wrote to standard output.
    """

    seconds: float
    cpu_seconds: float
    peak_memory_bytes: int | None
    output: str

    @property
    def said(self) -> dict[str, Any]:
        """The JSON object that it printed."""
        found: dict[str, Any] = json.loads(self.output)
        return found


def catalog_command(*arguments: str | Path) -> list[str]:
    """Return the `catalog` command as a user types it, from the environment that runs this."""
    script = Path(sys.executable).with_name("catalog")
    command = [str(script)] if script.is_file() else [sys.executable, "-m", "catalog.cli"]
    return command + list(map(str, arguments))


def program(name: str, *arguments: str | Path) -> list[str]:
    """Return the command that runs a file of `programs/`."""
    module = f"tests.benchmarks.programs.{name}"
    return [sys.executable, "-m", module, *map(str, arguments)]


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Measured:
    """Run a command to its end and measure it.

    Raises:
        CommandFailed: it ended with another code than 0.
    """
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as messages:
        started = perf_counter()
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=messages,
        )
        with _Watch(process.pid) as watch:
            # Unlike `process.wait`, this also tells what the process and its children used.
            _, status, used = os.wait4(process.pid, 0)
            seconds = perf_counter() - started
        process.returncode = code = os.waitstatus_to_exitcode(status)
        output.seek(0)
        if code:
            messages.seek(0)
            end = "".join(messages.readlines()[-LAST_LINES:])
            raise CommandFailed(f"{' '.join(command)} ended with code {code}:\n{end}")
        cpu_seconds = used.ru_utime + used.ru_stime
        return Measured(seconds, cpu_seconds, watch.peak_bytes, output.read())


class _Watch:
    """Looks at a process tree again and again while the block runs."""

    def __init__(self, pid: int) -> None:
        self.peak_bytes: int | None = None
        self._pid = pid
        self._ended = Event()
        self._thread = Thread(target=self._look, daemon=True)

    def __enter__(self) -> "_Watch":
        if PROCESSES.is_dir():
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._thread.ident:
            self._thread.join()

    def _look(self) -> None:
        # The kernel's own high-water mark (ru_maxrss) would not do: it knows the largest process
        # only, and a new process inherits that of the one which started it.
        while not self._ended.is_set():
            self.peak_bytes = max(self.peak_bytes or 0, tree_memory(self._pid))
            self._ended.wait(POLL_SECONDS)


def tree_memory(root: int) -> int:
    """Return the resident bytes of a process and all that descend from it."""
    children: dict[int, list[int]] = {}
    pages: dict[int, int] = {}
    for folder in PROCESSES.glob("[0-9]*"):
        try:
            text = (folder / "stat").read_text()
        except OSError:  # it ended since the folder was listed
            continue
        # A name may hold spaces and brackets; the numbers follow its last bracket.
        fields = text.rpartition(")")[2].split()
        children.setdefault(int(fields[1]), []).append(int(folder.name))
        pages[int(folder.name)] = int(fields[21])
    total, left = 0, [root]
    while left:
        pid = left.pop()
        total += pages.get(pid, 0)
        left += children.get(pid, [])
    return total * os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Series:
    """The repeats of one side."""

    runs: tuple[Measured, ...]

    @property
    def seconds(self) -> float:
        """Median wall time."""
        return median(run.seconds for run in self.runs)

    @property
    def facts(self) -> str:
        """How far wall times lie apart, processor time and memory, in words."""
        cpu_seconds = median(run.cpu_seconds for run in self.runs)
        memory = self.peak_memory_bytes
        told = f", {memory / 1e6:,.0f} MB" if memory is not None else ""
        walls = spread([run.seconds for run in self.runs])
        return f"{walls}, {cpu_seconds:.2f} s of processor time{told}"

    @property
    def peak_memory_bytes(self) -> int | None:
        """The highest of all repeats."""
        known = [run.peak_memory_bytes for run in self.runs if run.peak_memory_bytes is not None]
        return max(known, default=None)

    def said(self, key: str) -> list[float]:
        """Return a number that each repeat printed in its JSON object."""
        return [float(run.said[key]) for run in self.runs]


def spread(seconds: Sequence[float]) -> str:
    """Return how far repeats lie apart.

    >>> spread([3.14, 2.0, 2.5]), spread([1.0])
    ('2.00 to 3.14 s', '1.00 s once')
    """
    if len(seconds) == 1:
        return f"{seconds[0]:.2f} s once"
    return f"{min(seconds):.2f} to {max(seconds):.2f} s"


def in_turns(what: str, repeats: int, *sides: Callable[[int], Measured]) -> list[Series]:
    """Run every side once, then all again: what slows the machine meanwhile slows all alike.

    Args:
        what: told while it runs.
        repeats: how often each side runs.
        sides: each is given the number of the repeat, from 0.
    """
    runs: list[list[Measured]] = [[] for _ in sides]
    for repeat in range(repeats):
        click.echo(f"{what}: repeat {repeat + 1} of {repeats}", err=True)
        for side, kept in zip(sides, runs, strict=True):
            kept.append(side(repeat))
    return [Series(tuple(kept)) for kept in runs]
