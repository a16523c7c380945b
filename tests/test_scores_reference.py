"""Scores as the official scripts compute them, through the command line."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from catalog.cli import cli

EXACT = ("--dtype", "float32", "--device", "cpu")


def run(home: Path, *arguments: str) -> Any:
    """What a command prints as JSON."""
    done = CliRunner().invoke(cli, ["--home", str(home), *arguments, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def reference_home(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    torch.set_num_threads(1)
    home = tmp_path_factory.mktemp("reference") / "home"
    run(home, "init")
    run(home, "ingest", str(reference / "pool.jsonl"), "--source", "reference")
    return home


@pytest.fixture
def home(reference_home: Path, tmp_path: Path) -> Path:
    """The reference pool."""
    return Path(shutil.copytree(reference_home, tmp_path / "home"))


def scores(home: Path, name: str) -> dict[int, float]:
    """Scores by the sample's position in the pool's file."""
    statement = (
        "select a.line - 1 as position, s.value from score as s join appearance as a "
        f"using (sample_id) where s.scorer = '{name}' order by position"
    )
    rows = run(home, "sql", statement)
    found = rows["rows"] if isinstance(rows, dict) else rows
    return {row["position"]: row["value"] for row in found}


@pytest.mark.parametrize("way", ["score", "embed"])
def test_mean_nll_is_the_reference(reference: Path, home: Path, way: str) -> None:
    model = str(reference / "tiny-llama")
    if way == "score":
        run(home, "score", "--scorer", "nll", "--model", model, *EXACT)
    else:
        run(home, "embed", "--space", "rds", "--model", model, "--nll", *EXACT)
    expected = json.loads((reference / "expected" / "mean_nll.json").read_text())
    found = scores(home, "nll")
    assert list(found) == list(range(len(expected)))
    for position, value in enumerate(expected):
        assert found[position] == pytest.approx(value, rel=1e-5)


def test_ifd_with_the_cherry_prompt_is_the_reference(reference: Path, home: Path) -> None:
    model = str(reference / "tiny-llama")
    cherry = ("--scorer", "ifd", "--prompt", "cherry", "--max-tokens", "512")
    report = run(home, "score", *cherry, "--model", model, *EXACT)
    expected = json.loads((reference / "expected" / "ifd.json").read_text())["per_sample"]
    assert report["scored"]["ifd"] == len(expected)
    assert report["unscored"] == {"not one question and one answer": 636 - len(expected)}
    for scorer, field in (
        ("ifd", "ifd"),
        ("ifd_conditioned", "nll_conditioned"),
        ("ifd_alone", "nll_alone"),
    ):
        found = scores(home, scorer)
        assert found.keys() == {int(position) for position in expected}
        for position, value in expected.items():
            assert found[int(position)] == pytest.approx(value[field], abs=1e-4)
