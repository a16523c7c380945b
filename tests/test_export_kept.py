"""Exports are recorded, survive kills, and never hide that text was purged."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import catalog
import ingest
from catalog import Catalog
from catalog.cli import cli
from catalog.errors import OutputExists, TextPurged
from catalog.exporting import ExportFormat
from catalog.store import Store
from tests.test_card import purge_first
from tests.test_export_trainers import ANSWER

KINDS: list[ExportFormat] = ["jsonl", "hf", "llama-factory"]
"""One format for each kind of output: a file, a data set, files in a folder."""

ALL: list[ExportFormat] = [
    *("jsonl", "parquet", "hf", "trl", "llama-factory", "axolotl", "open-instruct"),
]


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


@pytest.mark.parametrize("format", KINDS)
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


def test_purged_text_is_missed_out_only_when_asked(cat: Catalog, tmp_path: Path) -> None:
    purge_first(cat)
    for format in ALL:
        path = tmp_path / f"{format}.jsonl"
        with pytest.raises(TextPurged, match="the text of 1 of its 42 members was purged") as said:
            cat.export("all", path, format=format)
        assert "--skip-purged" in (said.value.hint or "")
        assert not path.exists()
        report = cat.export("all", path, format=format, skip_purged=True)
        assert (report.rows, report.left_out) == (41, 1)
        assert report.notices == ("left out 1: their text was purged",)


@pytest.mark.parametrize("format", ["llama-factory", "axolotl"])
def test_a_file_is_never_made_a_folder_and_other_data_is_replaced_only_when_asked(
    cat: Catalog, tmp_path: Path, format: ExportFormat
) -> None:
    (tmp_path / "thesis").write_text("years of work")
    with pytest.raises(OutputExists, match="is not a folder"):
        cat.export("all", tmp_path / "thesis", format=format, overwrite=True)
    assert (tmp_path / "thesis").read_text() == "years of work"
    folder = tmp_path / "data"
    cat.export("all", folder, format=format)
    data = Path(recorded(cat)[0]["path"])
    whole = data.read_bytes()
    data.write_bytes(b"other")
    with pytest.raises(OutputExists, match="exists and holds other content"):
        cat.export("all", folder, format=format)
    assert data.read_bytes() == b"other"
    assert cat.export("all", folder, format=format, overwrite=True).written
    assert data.read_bytes() == whole
    assert [file for file in tmp_path.rglob(".*") if "partial" in file.name] == []


def test_the_command_says_what_it_wrote_and_what_is_not_as_it_was(
    cat: Catalog, tmp_path: Path, write_jsonl: Callable[..., Path]
) -> None:
    def run(*words: object) -> Result:
        return CliRunner().invoke(cli, ["--home", str(cat.home.path), *map(str, words)])

    told = run("export", "all", "--format", "llama-factory", "--output", tmp_path / "data")
    assert told.exit_code == 0, told.output
    assert told.stdout == f"all@1: 42 rows in {tmp_path / 'data'}\n"
    assert f"Next: dataset_dir: {tmp_path / 'data'}, dataset: all-v1\n" in told.stderr
    row = {"messages": [{"role": "user", "content": "a"}] * 2 + [ANSWER]}
    ingest.load(cat, [write_jsonl("twice.jsonl", [row])], source="twice")
    cat.select("more", sql="from pool order by sample_id desc", size=2)
    words = ("export", "more", "--format", "llama-factory", "--output", tmp_path / "data")
    refused = run(*words)
    assert refused.exit_code == 1
    assert refused.stderr.splitlines()[-2:] == [
        "Error: 1 of 2 rows cannot be read as they are: "
        "1 with messages that do not alternate between asking and answering",
        "Hint: Leave them out with --skip-unsupported, or choose another --format.",
    ]
    report = json.loads(run(*words, "--skip-unsupported", "--json").stdout)
    assert {key: report[key] for key in ("format", "rows", "left_out", "written")} == {
        "format": "llama-factory",
        "rows": 1,
        "left_out": 1,
        "written": True,
    }
    shown = run("show", "more")
    assert "more-v1.jsonl" in shown.stdout
    card = run("card", "all", "--output", tmp_path / "card", "--language", "en")
    assert card.stdout.startswith(f"all@1: 42 rows in {tmp_path / 'card'}\n")
    assert "catalog ingest … --license" in card.stdout
