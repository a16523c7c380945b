"""Write a file of zeros, safe on the disk, and remove it: PATH BYTES; prints the seconds."""

import json
import os
import sys
from pathlib import Path
from time import perf_counter

import click

BLOCK = bytes(4 << 20)


def main(path: Path, size_bytes: int) -> None:
    """Write and count."""
    started = perf_counter()
    with path.open("wb") as stream:
        for place in range(0, size_bytes, len(BLOCK)):
            stream.write(BLOCK[: size_bytes - place])
        stream.flush()
        os.fsync(stream.fileno())
    seconds = perf_counter() - started
    path.unlink()
    click.echo(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
