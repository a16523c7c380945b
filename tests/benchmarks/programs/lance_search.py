"""Search a space's table exactly by LanceDB alone: FOLDER TABLE REPEATS; prints median seconds."""

import json
import sys
from statistics import median
from time import perf_counter

import click
import lancedb
import numpy as np

K = 10


def main(folder: str, name: str, repeats: int) -> None:
    """Search for vectors that were drawn, the first time apart."""
    table = lancedb.connect(folder).open_table(name)
    width = table.schema.field("vector").type.list_size
    random = np.random.default_rng(0)
    seconds = []
    for _ in range(repeats + 1):
        asked = random.standard_normal(width, np.float32)
        began = perf_counter()
        found = table.search(asked).distance_type("cosine").bypass_vector_index().limit(K)
        assert found.to_arrow().num_rows == K
        seconds.append(perf_counter() - began)
    click.echo(json.dumps({"first": seconds[0], "again": median(seconds[1:])}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
