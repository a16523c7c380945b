"""Time what audits ask in a process that has loaded everything: HOME SAMPLE SOURCE RUN."""

import json
import sys
from statistics import median
from time import perf_counter

import click

import catalog

REPEATS = 3


def main(home: str, sample: str, source: str, run: str) -> None:
    """Ask each several times and print the median seconds."""
    cat = catalog.open(home)
    asked = {
        "sample": lambda: cat.audit_sample(sample),
        "source": lambda: cat.audit_source(source),
        "run": lambda: cat.audit_run(run),
    }
    seconds = {}
    for name, ask in asked.items():
        ask()
        times = []
        for _ in range(REPEATS):
            began = perf_counter()
            ask()
            times.append(perf_counter() - began)
        seconds[name] = median(times)
    click.echo(json.dumps(seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
