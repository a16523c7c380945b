"""The negative control: vectors dealt out anew among the samples say nothing of them any more."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import lancedb
import numpy as np
import pyarrow as pa
import pytest

from tests.conftest import talk
from tests.traps.conftest import Command, commands
from tests.traps.material import write_rows

SIZES = {"words": 240, "numbers": 100, "letters": 60}
ALPHABETS = {"words": ("tuple", "lock", "thread"), "numbers": ("7", "21", "2024"), "letters": "хчж"}
SELECTED = 80


@pytest.fixture(scope="module")
def home(strangers: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sources of unlike texts, and a task whose queries are like the smallest."""
    folder = tmp_path_factory.mktemp("permuted")
    run, random = commands(folder / "home"), Random(5)

    def text(source: str) -> str:
        return " ".join(random.choices(ALPHABETS[source], k=random.randint(4, 12)))

    run("init")
    for source, count in SIZES.items():
        rows = [talk(f"{text(source)} {number}", text(source)) for number in range(count)]
        run("ingest", write_rows(folder / f"{source}.jsonl", rows), "--source", source)
    asked = [talk(text("letters"), text("letters")) for _ in range(6)]
    run("tasks", "add", "letters", write_rows(folder / "task.jsonl", asked))
    run("embed", "--space", "rds", "--model", strangers("llama"), "--store", "float32")
    return folder / "home"


def permute(home: Path, seed: int) -> None:
    """Rewrite the table of the samples' vectors with its ids dealt out anew."""
    database = lancedb.connect(home / "vectors")
    [name] = [name for name in database.list_tables().tables if not name.endswith("_query")]
    held = database.open_table(name).to_arrow()
    ids = np.random.default_rng(seed).permutation(held["sample_id"].to_numpy())
    column = held.schema.get_field_index("sample_id")
    dealt = held.set_column(column, held.schema.field(column), pa.array(ids))
    database.create_table(name, dealt, mode="overwrite")


def mix(run: Command, name: str) -> dict[str, int]:
    """Select, and count the members by source."""
    words = ("--method", "round_robin", "--task", "letters", "--size", SELECTED)
    run("select", name, *words)
    rows = run(
        "sql",
        "select source from member join pool using (sample_id) "
        f"where snapshot = '{name}@1' order by sample_id",
    )["rows"]
    return Counter(row["source"] for row in rows)


def test_only_vectors_that_belong_to_their_samples_choose_what_is_asked_for(home: Path) -> None:
    run: Any = commands(home)
    whole, total = sum(SIZES.values()), Counter[str]()
    assert mix(run, "true")["letters"] >= 50  # of 60; 12 would be its share of the pool
    draws = 6
    for seed in range(draws):
        permute(home, seed)
        found = mix(run, f"dealt{seed}")
        total.update(found)
        for source, count in SIZES.items():
            # Dealt at random, the members are a draw without replacement: hypergeometric counts.
            share = count / whole
            deviation = (SELECTED * share * (1 - share) * (whole - SELECTED) / (whole - 1)) ** 0.5
            assert abs(found[source] - SELECTED * share) < 4 * deviation
    # Together the draws are six times as many: a bias of a third of one deviation would show.
    for source, count in SIZES.items():
        share = count / whole
        deviation = (
            draws * SELECTED * share * (1 - share) * (whole - SELECTED) / (whole - 1)
        ) ** 0.5
        assert abs(total[source] - draws * SELECTED * share) < 3 * deviation
