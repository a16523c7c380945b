"""What tests share: a fresh home, and the real data that may lie beside the project."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

import catalog
from catalog import Catalog

SHARED = Path(__file__).parents[2] / "shared"

settings.register_profile("patient", deadline=None)  # a busy machine is no failure
settings.load_profile("patient")

Row = dict[str, Any]


@pytest.fixture
def cat(tmp_path: Path) -> Catalog:
    """A catalog in a new, empty home."""
    return catalog.init(tmp_path / "home")


@pytest.fixture
def write_jsonl(tmp_path: Path) -> Callable[..., Path]:
    """Write rows as a JSONL file and return its path."""

    def write(name: str, rows: list[Row]) -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return write


def talk(prompt: str, answer: str = "Yes.", **fields: Any) -> Row:
    """A row of two messages, and whatever else it should have."""
    return {
        "messages": [
            {"role": "user", "content": prompt},
            {"role": "assistant", "content": answer},
        ],
        **fields,
    }


@pytest.fixture(scope="session")
def reference() -> Path:
    """The reference outputs of the official scripts; skips where they are not."""
    if not (SHARED / "reference").is_dir():
        pytest.skip("no reference data beside the project")
    return SHARED / "reference"


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Random models by family, each made when it is first asked for."""
    import torch

    from tests.tiny import save_model

    torch.set_num_threads(1)  # tiny models wait for a second thread longer than they compute

    made: dict[str, Path] = {}

    def get(family: str) -> Path:
        if family not in made:
            made[family] = save_model(family, tmp_path_factory.mktemp("model") / family)
        return made[family]

    return get


@pytest.fixture(scope="session")
def stocked_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of forty-two samples, three sources and three tasks; to be copied, not changed."""
    from tests.tiny import stock

    return stock(tmp_path_factory.mktemp("stocked"))


@pytest.fixture(scope="session")
def backwards_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, taken in in the opposite order."""
    from tests.tiny import stock

    return stock(tmp_path_factory.mktemp("backwards"), backwards=True)
