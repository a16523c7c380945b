"""Differences of snapshots: every row counted once, each with a reason."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import ingest
from catalog import Catalog
from catalog.cli import cli
from catalog.errors import InvalidInput, UnknownName
from catalog.why.diff import Difference
from tests.conftest import talk
from tests.why import hash_of, set_retired, set_vector, vectors_of, with_vectors

Write = Callable[..., Path]


@pytest.fixture
def cat(stocked_home: Path, tmp_path: Path) -> Catalog:
    return with_vectors(stocked_home, tmp_path)


def ids(cat: Catalog, reference: str) -> list[int]:
    found: list[int] = cat.snapshot(reference).members()["sample_id"].to_pylist()
    return found


def counts(found: Difference, kind: str) -> dict[str, int]:
    """The rows of each reason, after checking that they add up."""
    rows = {row["reason"]: row["rows"] for row in found.reasons[kind]}
    assert sum(rows.values()) == found.totals[kind]
    return rows


def test_a_snapshot_is_no_different_from_itself(cat: Catalog) -> None:
    cat.select("kept", method="random", size=9)
    found = cat.diff("kept", "kept@1")
    assert found.identical
    assert found.totals == {
        "before": 9, "after": 9, "came": 0, "went": 0, "moved": 0, "stayed": 9
    }  # fmt: skip
    assert found.recipe == []
    assert found.reasons == {"came": [], "went": [], "moved": []}


def test_totals_are_those_of_the_sets(cat: Catalog) -> None:
    cat.select("a", method="random", size=15)
    cat.select("b", method="round_robin", tasks=["one"], size=12)
    one, other = ids(cat, "a"), ids(cat, "b")
    found = cat.diff("a@1", "b@1")
    shared = set(one) & set(other)
    stayed = sum(one.index(key) == other.index(key) for key in shared)
    assert found.totals == {
        "before": 15,
        "after": 12,
        "came": len(set(other) - set(one)),
        "went": len(set(one) - set(other)),
        "moved": len(shared) - stayed,
        "stayed": stayed,
    }
    assert counts(found, "came") == {"beyond": len(set(other) - set(one))}
    assert counts(found, "went") == {"beyond": len(set(one) - set(other))}
    asked = {row["field"]: (row["before"], row["after"]) for row in found.recipe}
    assert asked["method"] == ("random", "round_robin")
    assert asked["size"] == (15, 12)
    assert asked["space"] == (None, "made")
    assert found.pool_is_newer is None


def test_what_a_later_pool_changed_is_told_row_by_row(cat: Catalog, write_jsonl: Write) -> None:
    order = cat.select("order", method="random", size=42)
    cat.select("kept", method="random", size=20)
    set_retired(cat, ids(cat, "order")[2:5])
    set_retired(cat, ids(cat, "order")[30:31])
    ingest.load(
        cat, [write_jsonl("late.jsonl", [talk(f"Late {n}?") for n in range(30)])], source="late"
    )
    cat.select("kept", method="random", size=20)
    found = cat.diff("kept@1", "kept@2")
    assert found.recipe == []
    assert found.pool_is_newer == "after"
    assert (found.pools["samples_added"], found.pools["samples_retired"]) == (30, 4)
    late = [key for key in ids(cat, "kept@2") if key > 42]
    came = counts(found, "came")
    assert came["added_later"] == len(late)
    went = counts(found, "went")
    assert went["retired"] == 3
    assert set(came) <= {"added_later", "beyond"}
    assert set(went) <= {"retired", "beyond"}
    # Without the new ones and the retired, the order of a draw stays.
    assert set(counts(found, "moved")) == {"shifted"}
    back = cat.diff("kept@2", "kept@1")
    assert back.pool_is_newer == "before"
    assert counts(back, "went")["added_later"] == len(late)
    assert counts(back, "came")["retired"] == 3
    assert order.size == 42


def test_what_was_asked_otherwise_is_told_row_by_row(cat: Catalog) -> None:
    cat.select("out", method="random", size=6)
    cat.select("kept", method="round_robin", tasks=["one"], size=20)
    narrow = cat.select(
        "kept",
        method="round_robin",
        tasks=["one"],
        size=12,
        where="source = 'a'",
        not_in=["out"],
        max_per_source=12,
        skip_near_duplicates=0.97,
    )
    found = cat.diff("kept@1", "kept@2")
    before = ids(cat, "kept@1")
    sources = {
        row["sample_id"]: row["source"]
        for row in cat.sql("select sample_id, source from pool").to_pylist()
    }
    out = set(ids(cat, "out"))
    went = set(before) - set(narrow.members()["sample_id"].to_pylist())
    told = counts(found, "went")
    assert told["where"] == sum(sources[key] != "a" for key in went)
    assert told["not_in"] == sum(sources[key] == "a" and key in out for key in went)
    assert set(told) <= {"where", "not_in", "passed_over", "beyond"}
    samples, _ = vectors_of(cat)
    twins = [
        key
        for key in went - out
        if sources[key] == "a"
        and any(
            samples[key] is samples[kept] or (samples[key] == samples[kept]).all()
            for kept in narrow.members()["sample_id"].to_pylist()
        )
    ]
    assert told.get("passed_over", 0) >= len(twins)
    fields = {row["field"] for row in found.recipe}
    assert fields == {"size", "where", "max_per_source", "not_in", "skip_near_duplicates"}


def test_rows_that_moved_say_why(cat: Catalog) -> None:
    cat.select("kept", method="round_robin", tasks=["one"], size=9)
    cat.select("more", method="round_robin", tasks=["one", "two"], size=9)
    found = cat.diff("kept", "more")
    moved = counts(found, "moved")
    kept, more = (
        {row["sample_id"]: row for row in cat.snapshot(name).members().to_pylist()}
        for name in ("kept", "more")
    )
    shared = [key for key in kept if key in more]
    places = [sorted(shared, key=lambda key: side[key]["position"]) for side in (kept, more)]
    expected: dict[str, int] = {}
    for key in shared:
        if kept[key]["position"] == more[key]["position"]:
            continue
        alike = places[0].index(key) == places[1].index(key)
        query = (kept[key]["task"], kept[key]["query_id"]) != (
            more[key]["task"],
            more[key]["query_id"],
        )
        reason = "shifted" if alike else "requeried" if query else "reordered"
        expected[reason] = expected.get(reason, 0) + 1
    assert moved == expected


def test_a_changed_score_is_the_reason_of_a_move(cat: Catalog) -> None:
    cat.select("kept", method="round_robin", tasks=["two"], size=9)
    samples, _ = vectors_of(cat)
    first, second = ids(cat, "kept")[0], ids(cat, "kept")[3]
    set_vector(cat, "made", second, samples[first] + 1e-3)
    cat.select("kept", method="round_robin", tasks=["two"], size=9, where="true")
    assert counts(cat.diff("kept@1", "kept@2"), "moved").get("rescored") == 1


def test_examples_tell_how_far_a_row_was(cat: Catalog) -> None:
    cat.select("few", method="round_robin", tasks=["one"], size=5)
    cat.select("many", method="round_robin", tasks=["one"], size=15)
    many = cat.snapshot("many").members().to_pylist()
    last = cat.snapshot("few").members()["turn"].to_pylist()[-1]
    found = cat.diff("few", "many", limit=100)
    examples: list[dict[str, Any]] = found.examples["came"]
    assert [row["hash"] for row in examples] == [row["hash"] for row in many[5:]]
    for row, member in zip(examples, many[5:], strict=True):
        assert row["distance"] == {
            "turn": member["turn"],
            "cut": last,
            "score": pytest.approx(member["score"], abs=1e-7),
        }
    assert len(cat.diff("few", "many", limit=2).examples["came"]) == 2


def test_a_statements_and_a_mixs_rows_have_reasons_too(cat: Catalog) -> None:
    cat.select("a", sql="select sample_id from pool where source = 'a' order by hash")
    cat.select("b", method="random", size=10)
    cat.mix("m", ["a@1=5", "b@1=5"])
    assert set(counts(cat.diff("b", "a"), "went")) <= {"not_given"}
    assert set(counts(cat.diff("b", "m"), "went")) <= {"not_taken"}
    counts(cat.diff("m", "b"), "came")


def test_what_cannot_be_told_is_said(cat: Catalog) -> None:
    cat.select("kept", method="round_robin", tasks=["one"], size=9)
    cat.select("other", method="random", size=9)
    from catalog.store import Store

    with Store(cat.home).write("test") as transaction:
        transaction.connection.execute("delete from query")
    found = cat.diff("other", "kept")
    assert "how far kept@1 was cannot be computed" in found.notes[0]
    counts(found, "went")


def test_bad_input_is_refused(cat: Catalog) -> None:
    cat.select("kept", method="random", size=9)
    with pytest.raises(UnknownName) as caught:
        cat.diff("kept", "kept@2")
    assert "Did you mean kept@1?" in str(caught.value.hint)
    with pytest.raises(InvalidInput):
        cat.diff("kept", "kept", limit=-1)


def test_the_command_prints_counts_and_examples(cat: Catalog) -> None:
    cat.select("few", method="random", size=5)
    cat.select("many", method="random", size=8, where=f"hash != '{hash_of(cat, 's3')}'")
    home = ["--home", str(cat.home.path)]
    shown = CliRunner().invoke(cli, [*home, "diff", "few", "many", "--limit", "1"])
    assert shown.exit_code == 0, shown.output
    assert "few@1 (5 members) → many@1 (8 members)" in shown.stdout
    assert "  size: 5 → 8" in shown.stdout
    told = CliRunner().invoke(cli, [*home, "diff", "few", "many", "--json"])
    assert json.loads(told.stdout)["totals"]["after"] == 8
