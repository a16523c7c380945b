"""Pools, tasks and models that nothing was made for: the commands give what the scripts would."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.traps.conftest import embedded, exported
from tests.traps.material import make
from tests.traps.official import RULES

ASKED = (
    ("round_robin", ["task0"], 25),
    ("round_robin", ["task2", "task0", "task1"], 20),
    ("round_robin", ["task1", "task2"], None),
    ("mean_max", ["task0"], None),
    ("mean_max", ["task0", "task1", "task2"], 25),
    ("global_max", ["task2", "task0"], None),
)
"""Rules, tasks, and how many samples to select for them; None is the whole pool."""


@pytest.mark.parametrize(("family", "seed"), [("gemma2", 1), ("qwen2", 2), ("opt", 3)])
def test_commands_select_and_export_what_the_scripts_would(
    strangers: Callable[[str], Path], tmp_path: Path, family: str, seed: int
) -> None:
    material = make(strangers(family), seed=seed)
    count = len(material.samples)
    assert count > 50
    run = embedded(material, tmp_path)
    keys = [0] * count  # no two scores tie here, nor nearly
    for rule, tasks, wanted in ASKED:
        scores, sizes, queries = material.of(tasks)
        size = wanted or count
        expected = RULES[rule](scores, sizes, keys, size)
        name = "-".join([rule, *tasks])
        words = [word for task in tasks for word in ("--task", task)]
        assert run("select", name, "--method", rule, *words, "--size", size)["size"] == size
        rows = exported(run, name, tmp_path)
        assert [row["id"] for row in rows] == [material.samples[place] for place, _ in expected]
        for row, (place, score) in zip(rows, expected, strict=True):
            assert row["catalog"]["score"] == pytest.approx(score, abs=1e-5)
            named = scores[queries.index(row["catalog"]["query"]), place]
            best = scores[:, place].max() if rule == "mean_max" else score
            assert named == pytest.approx(best, abs=1e-5)
