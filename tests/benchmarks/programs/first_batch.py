"""Embed a home until a few seconds after the first batch: HOME MODEL SECONDS.

Prints how long the first batch took from the start of the interpreter.
"""

from time import perf_counter

STARTED = perf_counter()

import json  # noqa: E402 - the clock runs while they are imported
import sys  # noqa: E402
from contextlib import suppress  # noqa: E402

import click  # noqa: E402

import catalog  # noqa: E402
import ingest  # noqa: E402
from catalog.progress import Tick  # noqa: E402


class Enough(BaseException):
    """Ends the job as an interrupt does."""


def main(home: str, model: str, seconds: float) -> None:
    """Embed, and stop."""
    first: list[float] = []

    def told(tick: Tick) -> None:
        now = perf_counter() - STARTED
        first.append(now)
        if now > first[0] + seconds:
            raise Enough

    with suppress(Enough):
        ingest.embed(catalog.open(home), "first", model=model, device="cpu", progress=told)
    click.echo(json.dumps({"seconds": first[0]}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
