"""Scores from files: every row is used or counted, nothing is taken twice."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import ingest
from catalog import Catalog
from catalog.cli import cli
from catalog.errors import InvalidInput, ScorerMismatch, UnknownName, UnreadableInput
from tests.conftest import talk

Write = Callable[..., Path]


@pytest.fixture
def filled(cat: Catalog, write_jsonl: Write) -> Catalog:
    """Ten samples of `a` with ids s0 to s9; `b` has s0 again, and its own s9 with another text."""
    rows = [talk(f"Number {n}?", id=f"s{n}") for n in range(10)]
    ingest.load(cat, [write_jsonl("a.jsonl", rows)], source="a")
    others = [rows[0], talk("Another?", id="s9")]
    ingest.load(cat, [write_jsonl("b.jsonl", others)], source="b")
    return cat


def hashes(cat: Catalog) -> list[str]:
    rows = cat.sql("select hash from pool order by sample_id").to_pylist()
    return [row["hash"] for row in rows]


def held(cat: Catalog, scorer: str) -> dict[int, Any]:
    rows = cat.sql(
        f"select sample_id, value, label from score where scorer = '{scorer}'"
    ).to_pylist()
    assert len({row["sample_id"] for row in rows}) == len(rows)
    return {row["sample_id"]: row["label"] or row["value"] for row in rows}


def test_scores_come_by_id_and_by_hash(filled: Catalog, write_jsonl: Write) -> None:
    mark = hashes(filled)[4]
    rows = [
        {"id": "s1", "score": 3},
        {"hash": mark.upper(), "score": 0.5},
        {"id": mark.replace(mark, hashes(filled)[5]), "value": "1e-3"},
        {"id": "s2", "score": True},
    ]
    report = ingest.import_scores(filled, str(write_jsonl("s.jsonl", rows)), scorer="reward")
    assert held(filled, "reward") == {2: 3.0, 5: 0.5, 6: 0.001, 3: 1.0}
    assert (report.read, report.added, report.refused, report.scored) == (4, 4, {}, 4)
    [scorer] = filled.scorers()
    assert scorer["contract"] == {"kind": "imported", "scorer": "reward", "values": "number"}


def test_the_same_file_again_changes_nothing(filled: Catalog, write_jsonl: Write) -> None:
    path = str(write_jsonl("s.jsonl", [{"id": f"s{n}", "score": n / 3} for n in range(9)]))
    ingest.import_scores(filled, path, scorer="reward")
    before = held(filled, "reward")
    again = ingest.import_scores(filled, path, scorer="reward")
    assert (again.added, again.unchanged, again.scored) == (0, 9, 9)
    assert held(filled, "reward") == before


def test_every_row_that_cannot_be_used_is_counted_with_its_reason(
    filled: Catalog, tmp_path: Path
) -> None:
    lines = [
        '{"id": "s1", "score": 1}',
        '{"id": "nobody", "score": 1}',
        '{"hash": "' + "0" * 64 + '", "score": 1}',
        '{"id": "s9", "score": 1}',
        '{"score": 1}',
        '{"id": "s2"}',
        '{"id": "s2", "score": null}',
        '{"id": "s2", "score": "high"}',
        '{"id": "s2", "score": NaN}',
        '{"id": "s2", "score": 1e999}',
        "not json",
        "[1]",
        "",
        '{"id": "s3", "score": 1}',
        '{"id": "s3", "score": 2}',
        '{"id": "s4", "score": 7}',
        '{"id": "s4", "score": 7.0}',
        '{"id": "s0", "score": 4}',
    ]
    path = tmp_path / "s.jsonl"
    path.write_text("\n".join(lines))
    report = ingest.import_scores(filled, str(path), scorer="reward")
    assert report.refused == {
        "unknown sample": 2,
        "id of several samples": 1,
        "names no sample": 1,
        "no value": 2,
        "no finite number": 3,
        "no JSON object": 2,
        "several scores of one sample": 2,
    }
    assert (report.read, report.added, report.unchanged) == (17, 3, 1)
    assert report.read == report.added + report.unchanged + sum(report.refused.values())
    assert held(filled, "reward") == {2: 1.0, 5: 7.0, 1: 4.0}
    assert report.examples["unknown sample"][0] == "row 2: nobody = 1.0"
    assert report.examples["no JSON object"] == ["row 11", "row 12"]


def test_an_id_of_several_samples_is_told_apart_by_its_source(
    filled: Catalog, write_jsonl: Write
) -> None:
    path = str(write_jsonl("s.jsonl", [{"id": "s9", "score": 1}]))
    assert ingest.import_scores(filled, path, scorer="x", source="b").added == 1
    assert held(filled, "x") == {11: 1.0}
    path = str(write_jsonl("t.jsonl", [{"id": "s9", "source": "a", "score": 2}]))
    assert ingest.import_scores(filled, path, scorer="x").added == 1
    assert held(filled, "x") == {11: 1.0, 10: 2.0}
    with pytest.raises(UnknownName, match="no source named 'c'"):
        ingest.import_scores(filled, path, scorer="x", source="c")


def test_another_score_is_refused_unless_it_is_to_replace(
    filled: Catalog, write_jsonl: Write
) -> None:
    first = [{"id": "s1", "score": 1}, {"id": "s2", "score": 2}]
    ingest.import_scores(filled, str(write_jsonl("one.jsonl", first)), scorer="r")
    second = str(write_jsonl("two.jsonl", [{"id": "s1", "score": 9}, {"id": "s3", "score": 3}]))
    report = ingest.import_scores(filled, second, scorer="r")
    assert (report.added, report.refused) == (1, {"another score is there": 1})
    assert held(filled, "r") == {2: 1.0, 3: 2.0, 4: 3.0}
    report = ingest.import_scores(filled, second, scorer="r", replace=True)
    assert (report.added, report.replaced, report.refused) == (0, 1, {})
    assert held(filled, "r") == {2: 9.0, 3: 2.0, 4: 3.0}


def test_texts_are_labels_and_stand_in_conditions(filled: Catalog, write_jsonl: Write) -> None:
    rows = [{"id": "s1", "label": "nan"}, {"id": "s2", "label": "de"}, {"id": "s3", "label": ""}]
    path = str(write_jsonl("s.jsonl", rows))
    report = ingest.import_scores(filled, path, scorer="language")
    assert held(filled, "language") == {2: "nan", 3: "de"}
    assert report.refused == {"no value": 1}
    picked = filled.select("german", method="random", size=1, where="language = 'de'")
    assert picked.members()["sample_id"].to_pylist() == [3]
    years = str(write_jsonl("y.jsonl", [{"id": "s1", "score": 2024}]))
    with pytest.raises(ScorerMismatch, match="values is 'text', asked for 'number'"):
        ingest.import_scores(filled, years, scorer="language")
    ingest.import_scores(filled, years, scorer="year", label=True)
    assert held(filled, "year") == {2: "2024"}


def test_parquet_csv_and_compressed_files_say_the_same(filled: Catalog, tmp_path: Path) -> None:
    marks = hashes(filled)[:4]
    numbers = [0.25, 0.5, 0.75, 1.0]
    table = pa.table({"content_hash": marks, "quality": pa.array(numbers, pa.float32())})
    pq.write_table(table, tmp_path / "s.parquet")
    raw = pa.table({"hash": [bytes.fromhex(mark) for mark in marks], "score": numbers})
    pq.write_table(raw, tmp_path / "raw.parquet")
    text = "hash,quality\n" + "".join(f"{m},{v}\n" for m, v in zip(marks, numbers, strict=True))
    (tmp_path / "s.csv").write_text(text)
    (tmp_path / "s.csv.gz").write_bytes(gzip.compress(text.encode()))
    lines = "".join(
        json.dumps({"hash": m, "quality": v}) + "\n" for m, v in zip(marks, numbers, strict=True)
    )
    (tmp_path / "s.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    (tmp_path / "s.json").write_text(
        json.dumps([json.loads(line) for line in lines.split("\n")[:4]])
    )
    names = ("s.parquet", "raw.parquet", "s.csv", "s.csv.gz", "s.jsonl.gz", "s.json")
    for number, name in enumerate(names):
        scorer = "quality" if name != "raw.parquet" else "score"
        report = ingest.import_scores(filled, str(tmp_path / name), scorer=scorer)
        assert (report.read, report.refused) == (4, {}), name
        assert report.added == (4 if number < 2 else 0), name
        assert held(filled, scorer) == dict(enumerate(numbers, 1))


def test_columns_are_found_by_name_or_told(filled: Catalog, write_jsonl: Write) -> None:
    path = str(write_jsonl("s.jsonl", [{"key": "s1", "a/b": {"c": 1}, "m~n": 4}]))
    with pytest.raises(InvalidInput, match=r"no row of .* names a sample"):
        ingest.import_scores(filled, path, scorer="x", column="m~n")
    with pytest.raises(InvalidInput, match=r"no row of .* holds a score: looked for a/b"):
        ingest.import_scores(filled, path, scorer="x", column="a/b", id_column="key")
    ingest.import_scores(filled, path, scorer="x", column="m~n", id_column="key")
    assert held(filled, "x") == {2: 4.0}


def test_files_that_are_no_scores_are_refused_and_nothing_is_written(
    filled: Catalog, tmp_path: Path, write_jsonl: Write
) -> None:
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "other.parquet")
    (tmp_path / "damaged.parquet").write_bytes(b"PAR1 and no more")
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "empty.csv").write_text("")
    for name, error in (
        ("other.parquet", "no column of other.parquet names a sample: it has text"),
        ("damaged.parquet", "cannot read"),
        ("empty.jsonl", "."),
        ("empty.csv", "cannot read"),
        ("nowhere.jsonl", "."),
    ):
        with pytest.raises((InvalidInput, UnreadableInput), match=error):
            ingest.import_scores(filled, str(tmp_path / name), scorer="x")
    good = str(write_jsonl("s.jsonl", [{"id": "s1", "score": 1}]))
    for name in ("turns", "No", "1st"):
        with pytest.raises(InvalidInput):
            ingest.import_scores(filled, good, scorer=name)
    unknown = str(write_jsonl("u.jsonl", [{"id": "nobody", "score": 1}]))
    assert ingest.import_scores(filled, unknown, scorer="x").refused == {"unknown sample": 1}
    assert filled.scorers() == []


def test_a_number_that_is_none_is_refused_and_never_a_label(
    filled: Catalog, tmp_path: Path
) -> None:
    values = ["NaN", "1e999", "-Infinity", "1" + "0" * 400]
    rows = [f'{{"id": "s{n}", "score": {value}}}\n' for n, value in enumerate(values)]
    (tmp_path / "s.jsonl").write_text("".join(rows))
    (tmp_path / "s.csv").write_text("id,score\ns1,nan\ns2,inf\n")
    for name, count in (("s.jsonl", 4), ("s.csv", 2)):
        report = ingest.import_scores(filled, str(tmp_path / name), scorer="x")
        assert report.refused == {"no finite number": count}
    assert filled.scorers() == []


def test_a_scorer_keeps_what_was_said_of_it(filled: Catalog, write_jsonl: Write) -> None:
    path = str(write_jsonl("s.jsonl", [{"id": "s1", "score": 1}]))
    ingest.import_scores(filled, path, scorer="r", contract={"model": "judge-1"})
    ingest.import_scores(filled, path, scorer="r")
    with pytest.raises(ScorerMismatch, match="model is 'judge-1', asked for 'judge-2'"):
        ingest.import_scores(filled, path, scorer="r", contract={"model": "judge-2"})
    [scorer] = filled.scorers()
    assert scorer["contract"]["model"] == "judge-1"


def test_what_is_computed_here_is_not_taken_from_a_file(
    filled: Catalog, models: Callable[[str], Path], write_jsonl: Write
) -> None:
    ingest.score(filled, "nll", model=str(models("llama")))
    path = str(write_jsonl("s.jsonl", [{"id": "s1", "score": 1}]))
    with pytest.raises(ScorerMismatch, match="'nll' is computed here"):
        ingest.import_scores(filled, path, scorer="nll", replace=True)


def test_the_command_prints_counts_and_examples(filled: Catalog, write_jsonl: Write) -> None:
    rows = [{"id": "s1", "score": 1}, {"id": "nobody", "score": 2}]
    path = str(write_jsonl("s.jsonl", rows))
    home = ["--home", str(filled.home.path)]
    done = CliRunner().invoke(cli, [*home, "scores", "import", path, "--scorer", "r"])
    assert done.exit_code == 0
    assert "read 2 rows: 1 scores added, 0 replaced, 0 there already, 1 refused" in done.output
    assert "row 2: nobody = 2.0" in done.output
    listed = CliRunner().invoke(cli, [*home, "scores"])
    assert "imported, values number" in listed.output
    wrong = ["scores", "import", path, "--scorer", "r", "--contract", "model"]
    assert CliRunner().invoke(cli, [*home, *wrong]).exit_code == 2
