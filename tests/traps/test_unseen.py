"""Pools, tasks and models that nothing was made for: the commands give what the scripts would."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.traps.conftest import embedded, exported
from tests.traps.material import make
from tests.traps.official import RULES

ASKED = (
    (["task0"], 25),
    (["task2", "task0", "task1"], 20),
    (["task1", "task2"], None),
)
"""Tasks, and how many samples to select for them; None is the whole pool."""


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("family", "seed"), [("gemma2", 1), ("qwen2", 2), ("opt", 3)])
def test_commands_select_and_export_what_the_scripts_would(
    strangers: Callable[[str], Path], tmp_path: Path, rule: str, family: str, seed: int
) -> None:
    material = make(strangers(family), seed=seed)
    count = len(material.samples)
    assert count > 50
    run = embedded(material, tmp_path)
    keys = [0] * count  # no two scores tie here, nor nearly
    for tasks, wanted in ASKED:
        scores, sizes, queries = material.of(tasks)
        size = wanted or count
        expected = RULES[rule](scores, sizes, keys, size)
        name = "-".join(tasks)
        words = [word for task in tasks for word in ("--task", task)]
        assert run("select", name, "--method", rule, *words, "--size", size)["size"] == size
        rows = exported(run, name, tmp_path)
        assert [row["id"] for row in rows] == [material.samples[place] for place in expected]
        for row, place in zip(rows, expected, strict=True):
            score = scores[queries.index(row["catalog"]["query"]), place]
            assert row["catalog"]["score"] == pytest.approx(score, abs=1e-5)
