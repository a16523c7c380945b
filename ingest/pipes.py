"""Processes of this interpreter that are asked and answer through pipes, pickled.

A process ends when its pipe closes, so none outlives a killed job.
"""

import os
import pickle
import subprocess
import sys
from contextlib import suppress
from typing import IO


def start(module: str, settings: dict[str, str], pipe_bytes: int = -1) -> subprocess.Popen[bytes]:
    """Start a module in a process that finds modules where this one finds them.

    Args:
        module: to be run.
        settings: put into its environment.
        pipe_bytes: how much a pipe holds; -1 is what the system gives.
    """
    paths = os.pathsep.join(path for path in sys.path if path)
    return subprocess.Popen(
        [sys.executable, "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": paths} | settings,
        start_new_session=True,
        pipesize=pipe_bytes,
    )


def end(process: subprocess.Popen[bytes], *, at_once: bool = False) -> None:
    """End a process: when it has done what it was asked, or in the middle of it."""
    assert process.stdin and process.stdout
    with suppress(OSError):  # what waits to be sent to a dead process
        process.stdin.close()
    if at_once:
        process.terminate()
    process.stdout.close()
    process.wait()


def write(stream: IO[bytes], value: object) -> None:
    """Send a value through a pipe."""
    pickle.dump(value, stream, protocol=5)
    stream.flush()
