"""What `catalog sql` writes, and where."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from catalog.cli import cli

STATEMENT = "select source, count(*) as n from pool group by source order by source"
ROWS = [{"source": "a", "n": 30}, {"source": "b", "n": 10}, {"source": "c", "n": 2}]


def sql(home: Path, *words: object) -> Result:
    return CliRunner().invoke(cli, ["--home", str(home), "sql", *map(str, words)])


def test_the_suffix_of_the_output_says_its_format(stocked_home: Path, tmp_path: Path) -> None:
    for name in ("out.csv", "out.json", "out.jsonl", "out.PARQUET", "out.txt", "out"):
        done = sql(stocked_home, STATEMENT, "--output", tmp_path / name)
        assert done.exit_code == 0, done.stderr
        assert done.stdout == ""
        assert "3 rows in " in done.stderr
    assert (tmp_path / "out.csv").read_text() == '"source","n"\n"a",30\n"b",10\n"c",2\n'
    assert json.loads((tmp_path / "out.json").read_text()) == ROWS
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == ROWS
    assert pq.read_table(tmp_path / "out.PARQUET").to_pylist() == ROWS
    for name in ("out.txt", "out"):
        assert (tmp_path / name).read_text().splitlines()[0].split() == ["source", "n"]


def test_a_format_that_is_given_goes_before_the_suffix(stocked_home: Path, tmp_path: Path) -> None:
    sql(stocked_home, STATEMENT, "--format", "jsonl", "--output", tmp_path / "out.csv")
    first = (tmp_path / "out.csv").read_text().splitlines()[0]
    assert json.loads(first) == ROWS[0]


def test_an_unknown_suffix_is_refused_before_anything_runs(
    stocked_home: Path, tmp_path: Path
) -> None:
    done = sql(stocked_home, "select no_such_column from pool", "--output", tmp_path / "out.xlsx")
    assert done.exit_code == 1
    assert "the suffix '.xlsx'" in done.stderr
    assert ".csv, .json, .jsonl, .parquet, .txt" in done.stderr


def test_a_file_with_other_content_is_replaced_only_when_told(
    stocked_home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "out.csv"
    path.write_text("precious\n")
    refused = sql(stocked_home, STATEMENT, "--output", path)
    assert refused.exit_code == 1
    assert "exists and holds other content" in refused.stderr
    assert "--overwrite" in refused.stderr
    assert path.read_text() == "precious\n"
    assert [file.name for file in tmp_path.iterdir()] == ["out.csv"]
    assert sql(stocked_home, STATEMENT, "--output", path, "--overwrite").exit_code == 0
    assert path.read_text().startswith('"source"')
    assert sql(stocked_home, STATEMENT, "--output", path).exit_code == 0


def test_a_place_that_cannot_be_written_is_said(stocked_home: Path, tmp_path: Path) -> None:
    done = sql(stocked_home, "select 1 as a", "--output", tmp_path / "none" / "out.csv")
    assert done.exit_code == 1
    assert "cannot write" in done.stderr
    assert "No such file or directory" in done.stderr


@pytest.mark.parametrize("form", ["json", "jsonl", "csv", "table"])
def test_an_empty_result_has_no_row(stocked_home: Path, tmp_path: Path, form: str) -> None:
    path = tmp_path / "out"
    words = ["select 1 as a where false", "--format", form, "--output", path]
    assert sql(stocked_home, *words).exit_code == 0
    expected = {"json": "[]\n", "jsonl": "", "csv": '"a"\n'}
    if form in expected:
        assert path.read_text() == expected[form]
    else:
        assert path.read_text().splitlines()[0].strip() == "a"
