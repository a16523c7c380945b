"""Exports are recorded, survive kills, and never hide that text was purged."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import catalog
from catalog import Catalog
from catalog.errors import TextPurged
from catalog.exporting import ExportFormat
from catalog.store import Store
from tests.test_card import purge_first

TRAINERS: list[ExportFormat] = ["trl", "llama-factory", "axolotl", "open-instruct"]
ALL: list[ExportFormat] = ["jsonl", "parquet", "hf", *TRAINERS]


@pytest.fixture
def cat(stocked_home: Path, tmp_path: Path) -> Catalog:
    """The stocked home with all its samples in `all@1`, in order."""
    cat = catalog.open(shutil.copytree(stocked_home, tmp_path / "home"))
    cat.select("all", sql="from pool order by sample_id")
    return cat


def recorded(cat: Catalog) -> list[dict[str, Any]]:
    return cat.sql(
        "select export_id, format, path, rows from export order by export_id"
    ).to_pylist()


def test_an_export_is_recorded_once_however_often_it_is_asked_for(
    cat: Catalog, tmp_path: Path
) -> None:
    cat.export("all", tmp_path / "a.jsonl")
    cat.export("all", tmp_path / "a.jsonl")
    cat.export("all", tmp_path / "data", format="llama-factory")
    cat.export("all", tmp_path / "data", format="axolotl")
    assert recorded(cat) == [
        {"export_id": 1, "format": "jsonl", "path": f"{tmp_path}/a.jsonl", "rows": 42},
        {
            "export_id": 2,
            "format": "llama-factory",
            "path": f"{tmp_path}/data/all-v1.jsonl",
            "rows": 42,
        },
        {
            "export_id": 3,
            "format": "axolotl",
            "path": f"{tmp_path}/data/all-v1.parquet",
            "rows": 42,
        },
    ]
    assert [row["path"] for row in cat.show("all").exports] == [
        f"{tmp_path}/data/all-v1.parquet",
        f"{tmp_path}/data/all-v1.jsonl",
        f"{tmp_path}/a.jsonl",
    ]


def test_an_export_changes_no_version(cat: Catalog, tmp_path: Path) -> None:
    first = cat.select("draw", method="random", size=3)
    cat.export("draw", tmp_path / "draw.jsonl")
    again = cat.select("draw", method="random", size=3)
    assert (again.version, again.is_new) == (first.version, False)
    assert cat.reproduce("draw").identical


@pytest.mark.parametrize("format", ALL)
def test_a_kill_leaves_nothing_under_the_final_name_and_the_next_export_is_whole(
    cat: Catalog, tmp_path: Path, format: ExportFormat
) -> None:
    folder = tmp_path / "out"
    code = (
        "import os, catalog, catalog.exporting.exporting as e\n"
        "e.place = e.place_into = lambda *a, **k: os.kill(os.getpid(), 9)\n"
        f"catalog.open({str(cat.home.path)!r}).export('all', {str(folder / 'x.jsonl')!r}, "
        f"format={format!r})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert done.returncode == -9, done.stderr
    assert not (folder / "x.jsonl").exists()
    assert recorded(cat) == []
    assert cat.export("all", folder / "x.jsonl", format=format).written
    assert len(recorded(cat)) == 1


def test_an_export_that_was_killed_before_it_was_recorded_is_recorded_by_the_next(
    cat: Catalog, tmp_path: Path
) -> None:
    cat.export("all", tmp_path / "a.jsonl")
    with Store(cat.home).write("test") as transaction:
        transaction.connection.execute("delete from export")
    assert not cat.export("all", tmp_path / "a.jsonl").written
    assert [row["path"] for row in recorded(cat)] == [f"{tmp_path}/a.jsonl"]


@pytest.mark.parametrize("format", ALL)
def test_purged_text_is_missed_out_only_when_asked(
    cat: Catalog, tmp_path: Path, format: ExportFormat
) -> None:
    purge_first(cat)
    with pytest.raises(TextPurged, match="the text of 1 of its 42 members was purged") as said:
        cat.export("all", tmp_path / "x.jsonl", format=format)
    assert "--skip-purged" in (said.value.hint or "")
    assert not (tmp_path / "x.jsonl").exists()
    report = cat.export("all", tmp_path / "x.jsonl", format=format, skip_purged=True)
    assert (report.rows, report.left_out) == (41, 1)
    assert report.notices == ("left out 1: their text was purged",)
