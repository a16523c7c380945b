"""Samples taken back and brought back: the pool, what holds them, what is told."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

import ingest
from catalog import Catalog, schema
from catalog.cli import cli
from catalog.errors import InvalidInput, InvalidQuery, UnknownName
from catalog.store import Store
from tests.conftest import talk

Write = Callable[..., Path]


@pytest.fixture
def two(cat: Catalog, write_jsonl: Write) -> Catalog:
    """Six samples: 0 to 3 of source a, 3 to 5 of source b."""
    for name, numbers in {"a": range(4), "b": range(3, 6)}.items():
        rows = [talk(f"Question {n}?", "x" * (n + 1), id=f"s{n}") for n in numbers]
        ingest.load(cat, [write_jsonl(f"{name}.jsonl", rows)], source=name)
    return cat


def run(cat: Catalog, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--home", str(cat.home.path), *words])


def in_pool(cat: Catalog) -> list[str]:
    rows = cat.sql(
        "select a.external_id as id from pool as p join appearance as a "
        "on a.sample_id = p.sample_id and a.rank = 1 order by id"
    ).to_pylist()
    return [row["id"] for row in rows]


def clock(cat: Catalog) -> int:
    with Store(cat.home).read() as reader:
        return reader.clock()


def record_run(cat: Catalog, name: str, exposures: dict[int, int]) -> None:
    """Write a run that was shown samples, by step."""
    with Store(cat.home).write("import") as transaction:
        run_id = transaction.next_id(schema.run)
        now = datetime.now(UTC)
        transaction.insert(
            schema.run,
            {"run_id": run_id, "name": name, "tags": {}, "manifest": {}, "started_at": now},
        )
        for step, sample_id in exposures.items():
            transaction.insert(
                schema.exposure,
                {
                    **dict.fromkeys(("attempt", "micro_step", "rank", "position", "epoch"), 0),
                    "run_id": run_id,
                    "step": step,
                    "sample_id": sample_id,
                    "repeated": False,
                },
            )


def test_retired_samples_leave_every_later_selection_and_come_back(two: Catalog) -> None:
    first = two.select("all", method="random", size=6)
    done = two.retire(where="characters > 13 and source = 'a'", reason="licence")
    assert (done.samples, done.already, done.unknown, done.purged) == (2, 0, [], [])
    assert done.snapshots == [{"snapshot": "all@1", "members": 2, "size": 6}]
    assert in_pool(two) == ["s0", "s1", "s4", "s5"]
    later = two.select("all", method="random", size=9, allow_fewer=True)
    assert later.size == 4
    assert two.verify(str(first)).problems == []
    back = two.restore(where="characters > 13")
    assert (back.samples, back.already) == (2, 2)
    assert in_pool(two) == ["s0", "s1", "s2", "s3", "s4", "s5"]


def test_retiring_twice_writes_nothing_and_says_so(two: Catalog) -> None:
    two.retire(source="b", reason="licence")
    before = clock(two)
    again = two.retire(source="b", reason="another")
    assert (again.samples, again.already, clock(two)) == (0, 3, before)
    [row] = two.sql("select distinct reason from retired").to_pylist()
    assert row["reason"] == "licence"


def test_a_dry_run_tells_and_writes_nothing(two: Catalog) -> None:
    before = clock(two)
    done = two.retire(source="b", reason="licence", dry_run=True)
    assert (done.samples, done.dry_run, clock(two)) == (3, True, before)


def test_what_a_source_shares_is_told_and_may_be_spared(two: Catalog) -> None:
    told = two.retire(source="b", reason="licence", dry_run=True)
    assert (told.samples, told.shared, told.spared) == (3, 1, 0)
    spared = two.retire(source="b@main", reason="licence", keep_shared=True)
    assert (spared.samples, spared.shared, spared.spared) == (2, 1, 1)
    assert in_pool(two) == ["s0", "s1", "s2", "s3"]


def test_a_list_names_samples_by_hash_or_id_and_strangers_are_told(
    two: Catalog, tmp_path: Path
) -> None:
    [row] = two.sql("select hash from pool where characters = 13").to_pylist()
    ids = tmp_path / "ids.txt"
    ids.write_text(f"s0\n{row['hash']}\nnobody\ns0\n{'0' * 64}\n")
    done = two.retire(ids=ids, reason="asked for")
    assert (done.samples, done.unknown) == (2, ["nobody", "0" * 64])
    assert in_pool(two) == ["s2", "s3", "s4", "s5"]


@pytest.mark.parametrize("key", ["id", "content_hash"])
def test_a_list_may_be_parquet(two: Catalog, tmp_path: Path, key: str) -> None:
    [row] = two.sql("select content_hash from pool where characters = 13").to_pylist()
    value = "s1" if key == "id" else row["content_hash"]
    pq.write_table(pa.table({key: [value]}), tmp_path / "ids.parquet")
    assert two.retire(ids=tmp_path / "ids.parquet", reason="asked for").samples == 1


def test_several_conditions_must_all_hold(two: Catalog, tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("s2\ns3\ns4\n")
    done = two.retire(ids=tmp_path / "ids.txt", source="a", reason="asked for")
    assert done.samples == 2
    assert in_pool(two) == ["s0", "s1", "s4", "s5"]


def test_a_condition_may_use_a_scorer(two: Catalog, tmp_path: Path) -> None:
    scores = tmp_path / "scores.jsonl"
    scores.write_text("".join(json.dumps({"id": f"s{n}", "score": n}) + "\n" for n in range(6)))
    assert run(two, "scores", "import", str(scores), "--scorer", "rater").exit_code == 0
    assert two.retire(where="rater >= 4", reason="low").samples == 2


def test_runs_that_were_shown_the_samples_are_listed(two: Catalog) -> None:
    record_run(two, "tuned", {3: 1, 8: 1, 9: 6})
    done = two.retire(where="sample_id in (1, 2)", reason="licence")
    assert done.runs == [
        {"run": "tuned", "samples": 1, "exposures": 2, "first_step": 3, "last_step": 8}
    ]


def test_what_cannot_be_meant_is_refused(two: Catalog, tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("nobody\n")
    with pytest.raises(InvalidInput, match="none names a sample here"):
        two.retire(ids=tmp_path / "ids.txt", reason="x")
    with pytest.raises(UnknownName, match="no source named 'c'"):
        two.retire(source="c", reason="x")
    with pytest.raises(InvalidInput, match="nothing says which"):
        two.retire(reason="x")
    with pytest.raises(InvalidInput, match="none is given"):
        two.retire(source="a", reason=" ")
    with pytest.raises(InvalidInput, match="no source is given"):
        two.retire(where="true", keep_shared=True, reason="x")
    with pytest.raises(InvalidQuery, match="no column named 'lenght'"):
        two.retire(where="lenght > 3", reason="x")
    assert len(in_pool(two)) == 6


def test_the_command_says_what_it_did(two: Catalog) -> None:
    two.select("all", method="random", size=6)
    record_run(two, "tuned", {3: 1})
    done = run(two, "retire", "--source", "a", "--reason", "licence")
    assert done.exit_code == 0
    assert done.output.splitlines()[:4] == [
        "4 samples retired",
        "1 of the source came from other sources too, and are among them; "
        "--keep-shared spares them",
        "  held by all@1: 4 of 6 members",
        "  seen by tuned: 1 sample, 1 exposure, steps 3 to 3",
    ]
    found = json.loads(run(two, "retire", "--source", "a", "--restore", "--json").output)
    assert (found["retired"], found["samples"]) == (False, 4)
    assert run(two, "retire", "--source", "a").exit_code == 1
