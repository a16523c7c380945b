"""What these tests share: models of other families, the command, homes filled through it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from catalog.cli import cli
from tests.traps.families import STRANGERS, save_stranger
from tests.traps.material import Material, make

Command = Callable[..., Any]


@pytest.fixture(scope="session")
def strangers(models: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Random models of the families in `families`, and of those in `tiny`, as first asked for."""
    made: dict[str, Path] = {}

    def get(family: str) -> Path:
        if family not in STRANGERS:
            return Path(models(family))
        if family not in made:
            made[family] = save_stranger(family, tmp_path_factory.mktemp("model") / family)
        return made[family]

    return get


def commands(home: Path) -> Command:
    """Return `catalog --home HOME …` as a function that gives the JSON it prints."""

    def run(*words: object) -> Any:
        given = ["--home", str(home), *map(str, words), "--json"]
        result = CliRunner().invoke(cli, given, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return run


def embedded(material: Material, folder: Path) -> Command:
    """Take a pool and its tasks in and embed them, all by commands."""
    run = commands(folder / "home")
    run("init")
    sources, tasks = material.write(folder)
    for name, path in sources.items():
        run("ingest", path, "--source", name)
    for name, path in tasks.items():
        run("tasks", "add", name, path)
    embed(run, material)
    return run


def embed(run: Command, material: Material) -> None:
    """Embed by command, exactly."""
    exact = ("--dtype", "float32", "--store", "float32", "--device", "cpu")
    limit = ("--max-tokens", material.max_tokens)
    run("embed", "--space", "rds", "--model", material.model, *exact, *limit)


def exported(run: Command, reference: str, folder: Path) -> list[dict[str, Any]]:
    """Export a snapshot by command and read the rows back."""
    path = folder / f"{reference}.out.jsonl"
    run("export", reference, "--output", path)
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="session")
def material(strangers: Callable[[str], Path]) -> Material:
    """One pool for all tests that do not care about the model."""
    return make(strangers("gpt_neox"), seed=7)
