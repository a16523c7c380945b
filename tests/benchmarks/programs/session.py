"""Ask an open session again and again: HOME REPEATS; prints the seconds of each kind of question.

What is asked is a vector, so that no model has part in it.
"""

import json
import sys
from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter

import click
import numpy as np
import numpy.typing as npt

import catalog
from catalog.model import NamedSpace

K = 10
Floats = npt.NDArray[np.float32]


def main(home: str, repeats: int) -> None:
    """Time every question, the first of its kind apart."""
    cat = catalog.open(home)
    random = np.random.default_rng(0)

    def encode(named: NamedSpace, texts: Sequence[str]) -> tuple[Floats, Floats]:
        found = random.standard_normal((len(texts), named.space.width)).astype(np.float32)
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        return found / lengths, lengths[:, 0]

    def nearest() -> object:
        statement = f"select * from nearest('a text', k := {K})"
        return cat.sql(statement, encode=encode).to_arrow()

    def by_index() -> object:
        return cat.search("a text", k=K, ann=True, encode=encode)

    found: dict[str, float] = {}
    asked: dict[str, Callable[[], object]] = {"nearest": nearest}
    if cat.indexes():
        asked["index"] = by_index
    for name, ask in asked.items():
        found[f"{name} first"] = _seconds(ask)
        found[name] = median(_seconds(ask) for _ in range(repeats))
    click.echo(json.dumps(found))


def _seconds(ask: Callable[[], object]) -> float:
    began = perf_counter()
    ask()
    return perf_counter() - began


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
