"""Snapshots made again: identical where the past is kept, and told apart where it is not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import ingest
from catalog import Catalog, schema
from catalog.cli import cli
from catalog.errors import UnknownName
from catalog.scorers import add_scorer
from catalog.snapshot import Snapshot
from catalog.store import Store
from tests.conftest import talk
from tests.why import not_members, set_retired, set_vector, vectors_of, with_vectors

Write = Callable[..., Path]

ASKED: dict[str, dict[str, Any]] = {
    "random": {"method": "random", "size": 9, "seed": 4},
    "balanced": {"method": "balanced", "size": 9},
    "one task": {"method": "round_robin", "tasks": ["one"], "size": 9},
    "three tasks": {"method": "round_robin", "tasks": ["two", "three", "one"], "size": 9},
    "mean_max": {"method": "mean_max", "tasks": ["one", "three"], "size": 9},
    "global_max": {"method": "global_max", "tasks": ["one", "three"], "size": 9},
    "a cap": {"method": "round_robin", "tasks": ["one"], "size": 9, "max_per_source": 5},
    "no near-duplicates": {
        "method": "round_robin",
        "tasks": ["one"],
        "size": 9,
        "skip_near_duplicates": 0.9,
    },
    "a cap on a draw": {"method": "random", "size": 9, "max_per_source": 5},
    "a condition": {"method": "random", "size": 5, "where": "source = 'a' and turns = 2"},
    "less another": {"method": "random", "size": 9, "not_in": ["first"]},
    "a statement": {"sql": "select sample_id, characters as score from pool", "size": 9},
    "a statement on snapshots": {
        "sql": "select sample_id from member where rank is null order by hash"
    },
    "a condition on snapshots": {
        "method": "random",
        "size": 3,
        "where": "sample_id in (select sample_id from member)",
    },
}


@pytest.fixture
def cat(stocked_home: Path, tmp_path: Path) -> Catalog:
    return with_vectors(stocked_home, tmp_path)


def disturb(cat: Catalog, write_jsonl: Write) -> None:
    """Change all that the catalog keeps the past of."""
    late = write_jsonl("late.jsonl", [talk(f"Late {n}?") for n in range(9)])
    ingest.load(cat, [late], source="late")
    set_retired(cat, [1, 2, 3, 4])
    set_retired(cat, [2, 4], retired=False)
    ingest.add_task(cat, "one", write_jsonl("one.jsonl", [talk("Other?")]), replace=True)
    with Store(cat.home).write("scores") as transaction:
        made = add_scorer(transaction, "reward", {"by": "hand"})
        row = {"sample_id": 5, "scorer_id": made.scorer_id, "value": 1.0}
        transaction.insert(schema.sample_score, row)
    cat.select("later", method="random", size=7, seed=99)


@pytest.mark.parametrize("asked", ASKED)
def test_a_snapshot_comes_out_identical_whatever_came_since(
    cat: Catalog, write_jsonl: Write, asked: str
) -> None:
    cat.select("first", method="random", size=6)
    kept = cat.select("kept", **ASKED[asked])
    disturb(cat, write_jsonl)
    changes = cat.sql("from change").to_arrow().num_rows
    found = cat.reproduce("kept@1")
    assert found.identical, found.causes
    assert found.digest == found.digest_now == kept.digest
    assert found.causes == found.places == []
    assert found.totals["kept"] == kept.size
    assert cat.sql("from change").to_arrow().num_rows == changes


def test_a_mix_comes_out_identical(cat: Catalog, write_jsonl: Write) -> None:
    cat.select("a", method="random", size=9)
    cat.select("b", method="round_robin", tasks=["one"], size=9)
    cat.mix("kept", ["a@1=40%", "b@1=60%"], size=10)
    disturb(cat, write_jsonl)
    assert cat.reproduce("kept").identical
    cat.delete("a@1")
    found = cat.reproduce("kept")
    assert not found.identical
    assert "a@1" in found.causes[0]


def test_a_members_changed_vector_is_told(cat: Catalog) -> None:
    kept = cat.select("kept", method="round_robin", tasks=["one"], size=9)
    first = kept.members().to_pylist()[0]
    set_vector(cat, "made", first["sample_id"], [-1.0, 2.0, -1.0, 0.5, 0.0, 1.0])
    found = cat.reproduce("kept")
    assert not found.identical
    assert found.totals["first_difference"] == 0
    assert found.totals["places"] > 0
    assert found.places[0]["frozen"] == first["hash"] != found.places[0]["now"]
    assert found.causes == [
        "the scores of 1 member differ by more than a millionth: their vectors in the space "
        "'made', or those of their queries, were made anew"
    ]


def test_another_samples_changed_vector_is_told(cat: Catalog) -> None:
    cat.select("kept", method="round_robin", tasks=["one"], size=9)
    _, queries = vectors_of(cat)
    [other, *_] = not_members(cat, "kept@1")
    [asked, *_] = cat.sql(
        "select query_id from query join task using (task_id) where name = 'one' order by position"
    ).to_pylist()
    set_vector(cat, "made", other["sample_id"], queries[asked["query_id"]])
    found = cat.reproduce("kept")
    assert not found.identical
    assert found.places[0]["now"] == other["hash"]
    assert (found.totals["came"], found.totals["went"]) == (1, 1)
    assert found.causes == [
        "no text, task, rule or member's score changed: vectors of samples that were not members "
        "must have, in the space 'made'"
    ]


def test_a_turned_near_tie_is_told_as_one(cat: Catalog) -> None:
    samples, queries = vectors_of(cat)
    kept = cat.select("kept", method="round_robin", tasks=["two"], size=9)
    [asked] = {member["query_id"] for member in kept.members().to_pylist()}
    rows = kept.members().to_pylist()
    first, second = (samples[row["sample_id"]] for row in rows[:2])
    # The second comes to stand a hair before the first.
    assert first is not second
    nearer = first / sum(first**2) ** 0.5 + 3e-7 * queries[asked]
    set_vector(cat, "made", rows[0]["sample_id"], first)
    set_vector(
        cat, "made", rows[1]["sample_id"], first / sum(first**2) ** 0.5 - 3e-7 * queries[asked]
    )
    again = cat.select("tied", method="round_robin", tasks=["two"], size=9, seed=1)
    assert [row["sample_id"] for row in again.members().to_pylist()[:2]] == [
        row["sample_id"] for row in rows[:2]
    ]
    set_vector(cat, "made", rows[1]["sample_id"], nearer)
    found = cat.reproduce("tied")
    assert not found.identical
    assert (found.totals["places"], found.totals["near_ties"], found.totals["moved"]) == (2, 2, 2)
    assert found.causes == [
        "all 2 differing places are near-ties: scores closer than a millionth, whose order another "
        "machine may turn round"
    ]


def test_scores_that_differ_in_their_last_digits_are_no_difference(cat: Catalog) -> None:
    cat.select("kept", method="round_robin", tasks=["one"], size=9)
    change(cat, "update snapshot_member set score = score * (1 + 2e-7)")
    found = cat.reproduce("kept")
    assert found.identical
    assert any("last digits" in note for note in found.notes)


def change(cat: Catalog, statement: str) -> None:
    """Change the database as nothing in the catalog does."""
    with Store(cat.home).write("test") as transaction:
        transaction.connection.execute(statement)


def test_another_reason_is_a_difference(cat: Catalog) -> None:
    cat.select("kept", method="round_robin", tasks=["one"], size=9)
    change(cat, "update snapshot_member set rank = rank + 1 where position = 3")
    found = cat.reproduce("kept")
    assert not found.identical
    assert found.digest == found.digest_now
    assert (found.totals["reasons"], found.totals["places"]) == (1, 0)


def test_a_changed_score_is_told(cat: Catalog) -> None:
    with Store(cat.home).write("scores") as transaction:
        made = add_scorer(transaction, "nll", {"by": "hand"})
        rows = [
            {"sample_id": key, "scorer_id": made.scorer_id, "value": key / 8}
            for key in range(1, 43)
        ]
        transaction.insert(schema.sample_score, *rows)
    kept = cat.select("kept", method="ppl_top", size=5)
    assert kept.members()["sample_id"].to_pylist() == [42, 41, 40, 39, 38]
    assert cat.reproduce("kept").identical
    change(cat, "update sample_score set value = 5.2 where sample_id = 40")
    found = cat.reproduce("kept")
    assert (found.totals["places"], found.totals["drifted"]) == (2, 1)
    assert "the scores of 1 member differ" in found.causes[0]


@pytest.mark.parametrize("above", [20, 39])
def test_scores_that_were_given_since_are_told(cat: Catalog, above: int) -> None:
    with Store(cat.home).write("scores") as transaction:
        made = add_scorer(transaction, "rater", {"by": "hand"})
        rows = [
            {"sample_id": key, "scorer_id": made.scorer_id, "value": float(key)}
            for key in range(1, 43)
        ]
        transaction.insert(schema.sample_score, *rows)
    cat.select("kept", method="random", size=3, where=f"rater > {above}")
    later = "(select max(change_id) from change)"
    with Store(cat.home).write("scores"):
        pass
    change(cat, f"update sample_score set value = 0, change_id = {later} where sample_id > 38")
    found = cat.reproduce("kept")
    assert (found.digest_now is None) == (above == 39)
    assert (
        "4 samples of that pool were given their score of rater since: where it replaced another, "
        "that one is gone" in found.causes
    )
    assert not any("--size" in cause for cause in found.causes)


def test_stored_repeats_that_are_not_the_frozen_ones_are_told(cat: Catalog) -> None:
    cat.select("kept", method="random", size=9)
    change(cat, "update snapshot_member set repeats = 3 where position = 4")
    found = cat.reproduce("kept")
    assert found.causes == ["what is stored is not what was frozen: see `catalog verify kept@1`"]


def test_a_stored_reason_that_was_altered_blames_no_vectors_alone(cat: Catalog) -> None:
    cat.select("kept", method="random", size=9)
    change(cat, "update snapshot_member set turn = turn + 20 where position = 4")
    [cause] = cat.reproduce("kept").causes
    assert cause.startswith("1 of the same members came for another reason")


def test_text_that_was_purged_is_told(cat: Catalog) -> None:
    kept = cat.select("kept", method="random", size=9)
    gone = kept.members()["sample_id"].to_pylist()[0]
    change(cat, f"delete from sample where sample_id = {gone}")
    found = cat.reproduce("kept")
    assert not found.identical
    assert "the text of 1 members is gone from the catalog" in found.causes


def test_a_recipe_that_cannot_be_run_says_what_it_lacks(cat: Catalog) -> None:
    cat.select("kept", method="round_robin", tasks=["one"], size=9)
    change(cat, "delete from query")
    found = cat.reproduce("kept")
    assert not found.identical
    assert found.digest_now is None
    assert "'one'" in found.causes[0]


def test_a_rule_that_ships_otherwise_gives_way_to_the_one_kept(cat: Catalog) -> None:
    longest = "select sample_id from pool order by characters desc, hash limit $size"
    cat.select("kept", sql=longest, size=5)
    recipe = json.dumps({"method": "random", "size": 5})
    change(cat, f"update snapshot set method = 'random', recipe = '{recipe}'")
    found = cat.reproduce("kept")
    assert found.identical
    assert any("the one kept with it was run" in note for note in found.notes)


def test_stored_members_that_are_not_the_frozen_ones_are_told(cat: Catalog) -> None:
    cat.select("kept", method="random", size=9)
    change(cat, "update snapshot_member set sample_id = 43 - sample_id where position < 2")
    found = cat.reproduce("kept")
    assert not found.identical
    assert found.causes == ["what is stored is not what was frozen: see `catalog verify kept@1`"]


def test_a_statement_without_an_order_is_told(cat: Catalog) -> None:
    cat.select("kept", sql="select sample_id from pool where source = 'b' order by hash")
    unordered = "select sample_id from pool where source = ''b''"
    change(cat, f"update snapshot set rule = '{unordered} order by -order_key'")
    recipe = json.dumps(
        {
            "method": "sql",
            "sql": "select sample_id from pool where source = 'b' order by order_key desc",
        }
    )
    change(cat, "update snapshot set recipe = '" + recipe.replace("'", "''") + "'")
    found = cat.reproduce("kept")
    assert found.causes[-1].startswith("the same members in another order")


def test_a_statement_over_what_no_change_dates_is_told(cat: Catalog) -> None:
    cat.select("other", method="random", size=4)
    cat.select("kept", sql="select sample_id from member where snapshot = 'other@1'")
    cat.rename("other", "renamed")
    found = cat.reproduce("kept")
    assert not found.identical


def test_the_command_tells_by_its_exit_code(cat: Catalog) -> None:
    cat.select("kept", method="random", size=9)
    home = ["--home", str(cat.home.path)]
    done = CliRunner().invoke(cli, [*home, "reproduce", "kept"])
    assert done.exit_code == 0
    assert "kept@1 comes out identical: 9 members" in done.stdout
    change(cat, "update snapshot_member set sample_id = 43 - sample_id where position < 2")
    done = CliRunner().invoke(cli, [*home, "reproduce", "kept"])
    assert done.exit_code == 1
    assert "kept@1 does not come out as it was frozen" in done.stdout
    told = CliRunner().invoke(cli, [*home, "reproduce", "kept", "--json"])
    assert told.exit_code == 1
    assert json.loads(told.stdout)["identical"] is False
    missing = CliRunner().invoke(cli, [*home, "reproduce", "keep"])
    assert missing.exit_code == 1
    assert "Did you mean kept@1?" in missing.output


# The same for today


def like_of(cat: Catalog, snapshot: Snapshot) -> Any:
    from catalog.why.like import like

    with Store(cat.home).read() as reader:
        return like(reader, snapshot)


def test_a_recipe_for_today_moves_its_tasks_and_keeps_the_rest(
    cat: Catalog, write_jsonl: Write
) -> None:
    kept = cat.select("kept", method="round_robin", tasks=["two", "one"], size=9, where="turns = 2")
    assert like_of(cat, kept) == kept.recipe
    ingest.add_task(cat, "one", write_jsonl("one.jsonl", [talk("Other?")]), replace=True)
    found = like_of(cat, kept)
    [newest] = cat.sql("from task where name = 'one' and revision = 2").to_pylist()
    assert [task.digest for task in found.tasks] == [kept.recipe.tasks[0].digest, newest["digest"]]
    assert (found.where, found.size, found.space) == ("turns = 2", 9, kept.recipe.space)


def test_a_recipe_for_today_names_all_that_is_gone(cat: Catalog) -> None:
    cat.select("first", method="random", size=6)
    kept = cat.select("kept", method="round_robin", tasks=["one"], size=9, not_in=["first"])
    cat.delete("first@1")
    change(cat, "delete from task where name = 'one'")
    change(cat, "delete from embedding_space")
    with pytest.raises(UnknownName) as caught:
        like_of(cat, kept)
    for gone in ("the task one (select)", "the embedding space of made", "the snapshot first@1"):
        assert gone in caught.value.message
