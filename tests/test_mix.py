"""Mixes: how much of each part, in which order, and what counts how often."""

import json
import shutil
from pathlib import Path

import pytest

import catalog
from catalog import Catalog
from catalog.errors import InvalidInput, TooFewSamples, UnknownName
from catalog.store import Store
from tests.tiny import add_vectors


@pytest.fixture
def cat(stocked_home: Path, tmp_path: Path) -> Catalog:
    """The stocked home with three snapshots by sample id."""
    cat = catalog.open(shutil.copytree(stocked_home, tmp_path / "home"))
    for name, ids in (("a", range(1, 11)), ("b", range(8, 18)), ("c", range(20, 23))):
        listed = ", ".join(f"({key})" for key in ids)
        cat.select(name, sql=f"select sample_id from (values {listed}) as t(sample_id)")
    return cat


def ids(cat: Catalog, name: str = "m") -> list[int]:
    return list(cat.snapshot(name).members()["sample_id"].to_pylist())


def test_shares_are_taken_from_the_top_of_each_and_interleaved(cat: Catalog) -> None:
    cat.mix("m", ["a@1=70%", "b=30%"], size=10)
    assert ids(cat) == [1, 8, 2, 3, 9, 4, 5, 10, 6, 7]
    members = cat.snapshot("m").members()
    assert members["rank"].to_pylist() == [0, 0, 1, 2, 1, 3, 4, 2, 5, 6]
    assert cat.verify("m").problems == []


def test_what_rounding_leaves_goes_to_the_largest_remainder(cat: Catalog) -> None:
    cat.mix("m", ["a=33.3%", "b=33.3%", "c=33.4%"], size=5)
    assert [sum(key in part for key in ids(cat)) for part in ({1, 2}, {8, 9}, {20, 21})] == [
        2,
        1,
        2,
    ]


def test_a_sample_of_two_parts_counts_once_and_the_other_part_goes_on(cat: Catalog) -> None:
    cat.mix("m", ["a=10", "b=5"])
    assert sorted(ids(cat)) == [*range(1, 16)]
    cat.mix("m", ["b=5", "a=6"])
    assert sorted(ids(cat)) == [*range(1, 7), *range(8, 13)]


def test_retired_samples_are_left_out_and_older_mixes_come_out_as_they_were(cat: Catalog) -> None:
    cat.mix("old", ["a=3", "b=2"])
    cat.retire(where="sample_id in (1, 3, 8)", reason="taken back")
    cat.mix("m", ["a=3", "b=2"])
    assert sorted(ids(cat)) == [2, 4, 5, 9, 10]
    ranks = {row["sample_id"]: row["rank"] for row in cat.snapshot("m").members().to_pylist()}
    assert (ranks[2], ranks[4], ranks[9]) == (1, 3, 1)
    assert cat.reproduce("old").identical and cat.reproduce("m").identical
    with pytest.raises(TooFewSamples, match="has 1 that are neither retired nor"):
        cat.retire(where="sample_id in (20, 21)", reason="taken back")
        cat.mix("n", ["c=2"])


def test_repeats_count_a_sample_up_to_the_stated_times(
    cat: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = cat.mix("m", ["c=7", "a=3"], repeats=3)
    rows = found.members().to_pylist()
    assert {row["sample_id"]: row["repeats"] for row in rows} == {
        **{20: 3, 21: 2, 22: 2},
        **dict.fromkeys((1, 2, 3), 1),
    }
    assert found.size == 6
    assert cat.verify("m").problems == []
    report = cat.export("m", tmp_path / "m.jsonl")
    exported = [json.loads(line) for line in (tmp_path / "m.jsonl").read_text().splitlines()]
    assert [row["catalog"]["repeats"] for row in exported].count(3) == 3
    assert report.rows == len(exported) == 10
    written = (tmp_path / "m.jsonl").read_bytes()
    for name, size in (("PART_CHARACTERS", 1), ("RUN_CHARACTERS", 1000), ("STRETCH", 2)):
        monkeypatch.setattr(f"catalog.exporting.ordering.{name}", size)
    cat.export("m", tmp_path / "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == written
    assert found.digest != cat.mix("n", ["c=3", "a=3"]).digest
    with pytest.raises(TooFewSamples, match="c@1 is to give 10 samples, and has 9"):
        cat.mix("m", ["c=10", "a=3"], repeats=3)


def test_the_same_mix_is_the_same_version(cat: Catalog) -> None:
    first = cat.mix("m", ["a=50%", "b=50%"], size=8)
    assert cat.mix("m", ["a=50%", "b=50%"], size=8).version == 1
    assert cat.mix("m", ["b=50%", "a=50%"], size=8).version == 2
    assert cat.select("again", recipe=first.recipe).digest == first.digest


@pytest.mark.parametrize(
    ("parts", "options", "message"),
    [
        (["a=70%", "b=20%"], {"size": 10}, "the shares make 0.9 of the whole"),
        (["a=70%", "b=5"], {"size": 10}, "some parts have a share and some a count"),
        (["a=100%"], {}, "no size was given"),
        (["a=5", "b=5"], {"size": 11}, "the parts count 10 samples together"),
        (["a"], {"size": 1}, "'a' is no part of a mix"),
        (["a=x%"], {"size": 1}, "no part of a mix"),
        (["a=0%", "b=100%"], {"size": 1}, "no part of a mix"),
        (["a=100%"], {"size": 0}, "size is 0"),
        (["a=100%"], {"size": 5, "repeats": 0}, "repeats is 0"),
    ],
)
def test_what_is_no_mix_is_refused(
    cat: Catalog, parts: list[str], options: dict[str, int], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        cat.mix("m", parts, **options)  # type: ignore[arg-type]


def test_parts_that_are_not_there_or_too_short_are_refused(cat: Catalog) -> None:
    with pytest.raises(UnknownName, match="no snapshot named 'd'"):
        cat.mix("m", ["d=100%"], size=1)
    with pytest.raises(TooFewSamples, match="c@1 is to give 4 samples, and has 3"):
        cat.mix("m", ["c=4"])
    with pytest.raises(
        TooFewSamples, match="has 7 that are neither retired nor in another part already"
    ):
        cat.mix("m", ["a=10", "b=8"])


def test_a_part_without_room_for_one_sample_is_refused(cat: Catalog) -> None:
    add_vectors(cat, "space", {key: [1.0, key] for key in range(1, 43)}, {1: [1.0, 0.0]})
    with Store(cat.home).write("test") as transaction:
        transaction.connection.execute(
            "insert into sample_score by name select sample_id, scorer_id, "
            "sample_id * 10 as value, $1 as change_id from sample, scorer",
            [transaction.change_id],
        )
    assert cat.mix("m", ["a=50%", "b=50%"], tokens=400).tokens == 320
    with pytest.raises(TooFewSamples, match="not one sample of b@1 fits into its 79 tokens"):
        cat.mix("m", ["a=50%", "b=50%"], tokens=158)
