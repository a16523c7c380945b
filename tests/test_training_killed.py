"""Trainers killed with -9 and resumed: the ledger says exactly what their models saw."""

import random
import shutil
from pathlib import Path
from typing import Any

import pytest

import catalog
from tests.training_kills import (
    Training,
    Where,
    compare,
    make_home,
    recorded,
    run_folder,
    tokens_of,
    until_through,
)
from tests.training_loops import RUN, SAMPLES

CASES: dict[str, tuple[str, int, dict[str, Any]]] = {
    "trainer": ("trainer", 1, {"gradient_accumulation_steps": 2}),
    "trainer of two": ("trainer", 2, {"train_sampling_strategy": "sequential"}),
    "packed": ("sft", 1, {"packing": True, "packing_strategy": "bfd"}),
    "packed, split, of two": ("sft", 2, {"packing": True, "packing_strategy": "bfd_split"}),
    "wrapped": ("sft", 1, {"packing": True, "packing_strategy": "wrapped"}),
    "streamed to two": ("trainer", 2, {"data": "stream", "max_steps": 14}),
    "accelerate of two": ("accelerate", 2, {}),
    "plain": ("plain", 1, {}),
    "plain of two": ("plain", 2, {}),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("words") / "home")


@pytest.mark.parametrize("case", CASES)
def test_what_led_to_the_model_is_what_it_saw(home: Path, tmp_path: Path, case: str) -> None:
    loop, world_size, options = CASES[case]
    place = shutil.copytree(home, tmp_path / "home")
    draw = random.Random(case)
    training = Training(loop, place, tmp_path / "out", world_size, **options)
    until_through(training, 2, draw, 12)
    rows = recorded(run_folder(place)).effective()
    assert compare(training.seen(), rows, tokens_of(place)) >= 2 * SAMPLES
    assert_imported(place, rows)
    if (
        loop in ("plain", "trainer") and "data" not in options
    ):  # every epoch's last batches are filled from its beginning
        filled = -SAMPLES % (3 * world_size) if loop == "plain" or world_size > 1 else 0
        repeated = [row["epoch"] for found in rows.values() for row in found if row["repeated"]]
        assert sorted(repeated) == sorted([0, 1] * filled)


def assert_imported(place: Path, rows: dict[Where, list[dict[str, Any]]]) -> None:
    """Assert that the catalog says the same, and that nothing is missing."""
    cat = catalog.open(place)
    assert cat.import_runs().problems == []
    found = cat.sql(
        f"select x.step, x.micro_step, x.rank, x.position, s.content_hash "
        f"from effective as x join sample as s using (sample_id) where x.run = '{RUN}'"
    ).to_pylist()
    wanted = [
        (*where, row["position"], row["content_hash"])
        for where, logged in rows.items()
        for row in logged
    ]
    assert sorted(tuple(row.values()) for row in found) == sorted(wanted)
    coverage = cat.sql(f"select * from coverage where run = '{RUN}' and newest").to_pylist()
    assert [(row["percent"], row["ranks_missing"]) for row in coverage] == [(100.0, 0)]
