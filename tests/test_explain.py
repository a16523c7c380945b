"""Explanations against what the selection itself does, and against the definitions."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import ingest
from catalog import Catalog, schema
from catalog.cli import cli
from catalog.errors import InvalidInput, UnknownName
from catalog.scorers import add_scorer
from catalog.store import Store
from tests.conftest import talk
from tests.why import hash_of, not_members, set_retired, vectors_of, with_vectors

Write = Callable[..., Path]


@pytest.fixture(scope="module")
def cat(stocked_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """One home for all tests that only select."""
    return with_vectors(stocked_home, tmp_path_factory.mktemp("explain"))


@pytest.fixture
def own(stocked_home: Path, tmp_path: Path) -> Catalog:
    """A home of its own, for tests that change it."""
    return with_vectors(stocked_home, tmp_path)


def lists_of(cat: Catalog, tasks: list[str]) -> list[dict[int, float]]:
    """Every list's scores by sample id, computed a second time, slowly and plainly."""
    samples, queries = vectors_of(cat)
    rows = cat.sql(
        "select name, query_id from query join task using (task_id) order by query.position"
    ).to_pylist()
    of_task = {name: [row["query_id"] for row in rows if row["name"] == name] for name in tasks}
    lists = [[query] for query in of_task[tasks[0]]] if len(tasks) == 1 else [*of_task.values()]

    def unit(vector: Any) -> Any:
        return np.asarray(vector, np.float64) / np.linalg.norm(vector)

    return [
        {
            key: max(float(unit(queries[query]) @ unit(vector)) for query in of)
            for key, vector in samples.items()
        }
        for of in lists
    ]


@pytest.mark.parametrize("tasks", [["one"], ["two", "three", "one"]])
def test_every_sample_stands_where_the_definition_puts_it(cat: Catalog, tasks: list[str]) -> None:
    name = "walk" + str(len(tasks))
    kept = cat.select(name, method="round_robin", tasks=tasks, size=9).members().to_pylist()
    lists = lists_of(cat, tasks)
    rows = cat.sql("select sample_id, hash, order_key from pool").to_pylist()
    keys = {row["sample_id"]: row["order_key"] for row in rows}
    position = {row["sample_id"]: row["position"] for row in kept}
    for row in rows[::14] + [row for row in rows if row["sample_id"] in position][:2]:
        found = cat.explain(name, row["hash"])
        assert found.position == position.get(row["sample_id"])
        expected = []
        for number, scores in enumerate(lists):
            order = sorted(scores, key=lambda key: (-round(scores[key], 6), keys[key]))
            rank = order.index(row["sample_id"])
            expected.append((rank * len(lists) + number, rank))
        assert [(one["turn"], one["rank"]) for one in found.lists] == sorted(expected)
        for one in found.lists:
            number = one["turn"] % len(lists)
            assert one["score"] == pytest.approx(lists[number][row["sample_id"]], abs=2e-6)


MORE: dict[str, dict[str, Any]] = {
    "one task": {"method": "round_robin", "tasks": ["one"]},
    "three tasks": {"method": "round_robin", "tasks": ["two", "three", "one"]},
    "random": {"method": "random", "seed": 3},
    "balanced": {"method": "balanced"},
    "mean_max": {"method": "mean_max", "tasks": ["one", "three"]},
    "a condition": {"method": "random", "where": "source != 'c'"},
}


@pytest.mark.parametrize("asked", MORE)
def test_as_many_more_members_as_it_says_take_the_sample(cat: Catalog, asked: str) -> None:
    name = asked.replace(" ", "_")
    cat.select(name, **MORE[asked], size=9)
    for row in not_members(cat, f"{name}@1")[::16]:
        found = cat.explain(name, row["hash"])
        if found.absence is not None:
            assert (found.absence, row["source"]) == ("where", "c")
            continue
        [said] = [text for text in found.verdict if "would have taken it" in text]
        more = int(said.split()[0].replace(",", ""))
        enough = cat.select(f"{name}_more", **MORE[asked], size=9 + more).members()
        assert enough["hash"].to_pylist()[-1] == row["hash"]


def test_a_member_tells_its_query_its_rivals_and_its_neighbours(cat: Catalog) -> None:
    kept = cat.select("told", method="round_robin", tasks=["one"], size=12)
    member = kept.members().to_pylist()[5]
    found = cat.explain("told@1", member["hash"][:12])
    assert found.chosen
    assert found.position == 5
    assert found.reason["task"] == "one"
    assert found.reason["query_messages"][0]["content"].startswith("Query one ")
    assert (found.reason["rank"], found.reason["turn"]) == (member["rank"], member["turn"])
    assert found.sample["messages"][0]["content"].startswith("Number ")
    [own_list] = [row for row in found.lists if row["fate"] == "took it"]
    assert own_list["turn"] == member["turn"]
    assert [row["position"] for row in found.neighbours] == [2, 3, 4, 5, 6, 7, 8]
    ranks = [row["rank"] for row in found.competitors]
    assert ranks == [*range(max(member["rank"] - 3, 0), member["rank"] + 4)]
    [this] = [row for row in found.competitors if row["this"]]
    assert this["fate"] == f"taken here at turn {member['turn']}"
    known = {row["hash"]: row for row in kept.members().to_pylist()}
    for row in found.competitors:
        if row["hash"] in known:
            assert f"at turn {known[row['hash']]['turn']}" in row["fate"]
        else:
            assert row["fate"].startswith("not chosen, due at turn ")
    assert found.notes == []


def test_what_a_sample_would_have_needed_is_the_score_the_walk_came_to(cat: Catalog) -> None:
    cat.select("needed", method="round_robin", tasks=["two"], size=12)
    kept = cat.snapshot("needed").members().to_pylist()
    for row in not_members(cat, "needed@1")[::10]:
        [one] = cat.explain("needed", row["hash"]).lists
        assert one["needed_score"] == pytest.approx(kept[-1]["score"], abs=1e-7)
        assert one["reached"] == 11
        assert one["score"] <= one["needed_score"]


def test_a_barred_sample_names_what_stood_in_its_way(cat: Catalog) -> None:
    free = cat.select("free", method="round_robin", tasks=["one"], size=12).members().to_pylist()
    cat.select("near", method="round_robin", tasks=["one"], size=12, skip_near_duplicates=0.97)
    cat.select("cap", method="round_robin", tasks=["one"], size=6, max_per_source=2)
    near, cap = (
        {row["hash"] for row in cat.snapshot(name).members().to_pylist()}
        for name in ("near", "cap")
    )
    skipped = [row["hash"] for row in free if row["hash"] not in near]
    assert skipped, "the planted twins stand in the lists"
    said = cat.explain("near", skipped[0]).verdict
    assert said[0] == "not chosen: a list came to it and passed it over"
    assert said[1].startswith("it is a near-duplicate of the member at position ")
    assert "cosine 1.0000" in said[1]
    said_of = [cat.explain("cap", row["hash"]).verdict for row in free if row["hash"] not in cap]
    full = [said for said in said_of if "passed it over" in said[0]]
    assert full
    assert all(said[1].endswith("has all the 2 members it may have") for said in full)


def test_a_draw_that_a_cap_passed_over_is_told(cat: Catalog) -> None:
    cat.select("drawn", method="random", size=6, max_per_source=2)
    order = cat.select("order", method="random", size=40).members()["hash"].to_pylist()
    held = cat.snapshot("drawn").members()["hash"].to_pylist()
    last = order.index(held[-1])
    passed = next(one for one in order[:last] if one not in held)
    said = cat.explain("drawn", passed).verdict
    assert said[0] == "not chosen: it was passed over"
    assert said[1].endswith("has all the 2 members it may have")


def test_a_full_source_takes_no_more_however_large_the_selection(cat: Catalog) -> None:
    cat.select("drawn", method="random", size=6, max_per_source=2)
    order = cat.select("order", method="random", size=42).members()["hash"].to_pylist()
    said = cat.explain("drawn", order[-1]).verdict
    assert said[-2] == "no number of members would have taken it:"
    assert said[-1].endswith("has all the 2 members it may have")


# Not in the pool


def test_a_sample_that_was_not_in_the_pool_says_why(own: Catalog, write_jsonl: Write) -> None:
    set_retired(own, [1])
    first = own.select("first", method="random", size=3).members()["hash"].to_pylist()
    marked = hash_of(own, "s20")
    with Store(own.home).write("decontaminate") as transaction:
        [row] = transaction.rows(
            "select min(query_id) as query_id, min(task_id) as task_id from query"
        )
        check = {"check_id": 1, "task_id": row["task_id"], "task": "one", "role": "select"}
        told = {"parameters": {}, "report": {}, "checked_at": "2024-01-01 00:00:00+00"}
        transaction.insert(schema.contamination_check, {**check, **told})
        [sample] = transaction.rows("select sample_id from pool where hash = $hash", hash=marked)
        evidence = {"kind": "ngram", "part": "question", "evidence": "Number", "score": 1.0}
        ids = {"check_id": 1, **row, **sample}
        transaction.insert(schema.contamination_mark, {**ids, **evidence})
    own.select(
        "kept",
        method="round_robin",
        tasks=["one"],
        size=5,
        where="source = 'a'",
        not_in=["first"],
        exclude_contaminated=True,
    )
    ingest.load(own, [write_jsonl("late.jsonl", [talk("Late?", id="late")])], source="late")
    set_retired(own, [1], retired=False)
    [restored] = own.sql("select hash from pool where sample_id = 1").to_pylist()
    left_out = next(one for one in first if own.explain("kept", one).absence != "where")
    expected = {
        hash_of(own, "late"): ("added_later", "came into the catalog later"),
        restored["hash"]: ("retired", "was retired then"),
        hash_of(own, "s35"): ("where", "does not fit the condition of --where: source = 'a'"),
        left_out: ("not_in", "is in what was left out with --not-in: first@1"),
        marked: ("contaminated", "one (select), ngram in the question"),
    }
    for mark, (absence, said) in expected.items():
        found = own.explain("kept", mark)
        assert (found.absence, found.chosen) == (absence, False)
        assert said in found.verdict[0]
        assert found.neighbours[-1]["position"] == 4


def test_rules_that_leave_samples_out_say_so(own: Catalog) -> None:
    with Store(own.home).write("scores") as transaction:
        for name, value in (("ifd", lambda key: key / 30), ("nll", float)):
            made = add_scorer(transaction, name, {"by": "hand"})
            rows = [
                {"sample_id": key, "scorer_id": made.scorer_id, "value": value(key)}
                for key in range(1, 43)
            ]
            transaction.insert(schema.sample_score, *rows)
    own.select("hard", method="ifd", size=5)
    own.select("middle", method="ppl_mid", size=5)
    [highest] = own.sql("select hash from pool where sample_id = 42").to_pylist()
    assert "its IFD is above 1" in own.explain("hard", highest["hash"]).verdict[0]
    assert "33% of highest perplexity" in own.explain("middle", highest["hash"]).verdict[0]
    [lower] = own.sql("select hash from pool where sample_id = 20").to_pylist()
    assert own.explain("hard", lower["hash"]).verdict == [
        "not chosen: it comes at place 10 of 30, the last member at 4",
        "score 0.666667; the last member has score 0.866667",
        "6 more members would have taken it",
    ]


def test_a_scorer_under_another_name_than_the_rules_is_looked_at(own: Catalog) -> None:
    with Store(own.home).write("scores") as transaction:
        made = add_scorer(transaction, "rater", {"by": "hand"})
        rows = [
            {"sample_id": key, "scorer_id": made.scorer_id, "value": float(key)}
            for key in range(1, 11)
        ]
        transaction.insert(schema.sample_score, *rows)
    own.select("rated", method="ppl_top", size=3, scores={"nll": "rater"}, skip_missing=True)
    [bare] = own.sql("select hash from pool where sample_id = 20").to_pylist()
    assert own.explain("rated", bare["hash"]).absence == "no_score"
    [low] = own.sql("select hash from pool where sample_id = 2").to_pylist()
    assert (
        own.explain("rated", low["hash"]).verdict[0].startswith("not chosen: it comes at place 8")
    )
    columns = own.compare(["rated"]).columns
    [pool] = [one for one in columns if one.kind == "pool"]
    assert pool.draws[0].samples == 10
    baselines = [one for one in columns if one.kind == "baseline" and one.budget == "samples"]
    assert [(one.missing, len(one.draws)) for one in baselines] == [(None, 3)] * 2


def test_a_mix_names_the_part_that_gave_a_sample(own: Catalog) -> None:
    own.select("a", method="random", size=6)
    own.select("b", method="round_robin", tasks=["two"], size=6)
    own.mix("both", ["a@1=3", "b@1=3"])
    given = own.snapshot("b").members().to_pylist()[0]
    found = own.explain("both", given["hash"])
    assert found.chosen
    if "given by b@1" in found.verdict[1]:
        assert found.verdict[1] == "given by b@1, where it is at position 0"
    assert [part.snapshot for part in found.parts] == ["a@1", "b@1"]
    assert found.parts[1].reason["query_messages"] is not None
    late = own.snapshot("b").members().to_pylist()[5]
    found = own.explain("both", late["hash"])
    if not found.chosen:
        assert "b@1 holds it at position 5" in found.verdict[0]


def test_a_statement_is_told_by_what_it_gives(cat: Catalog) -> None:
    cat.select("long", sql="select sample_id from pool order by characters desc, hash", size=4)
    held = cat.snapshot("long").members()["hash"].to_pylist()
    assert cat.explain("long", held[1]).verdict[0] == "chosen: position 1 of 4"
    said = cat.explain("long", hash_of(cat, "s30")).verdict
    assert said[0] == "not chosen: it comes at place 11 of 42, the last member at 3"
    assert said[-1] == "8 more members would have taken it"


def test_what_is_stored_is_told_where_the_rest_is_gone(own: Catalog) -> None:
    kept = own.select("kept", method="round_robin", tasks=["one"], size=5).members().to_pylist()
    with Store(own.home).write("test") as transaction:
        transaction.connection.execute("delete from query")
    found = own.explain("kept", kept[2]["hash"])
    assert found.chosen
    assert found.verdict[0].startswith("chosen: position 2 of 5, task one, score ")
    assert any("is not in the catalog any more" in note for note in found.notes)
    assert any("cannot be computed again" in note for note in found.notes)
    other = own.explain("kept", not_members(own, "kept@1")[0]["hash"])
    assert other.verdict == ["not chosen; how far it was cannot be told"]


# Bad input, and what people see


def test_unknown_names_come_with_guesses(cat: Catalog) -> None:
    cat.select("told", method="round_robin", tasks=["one"], size=12)
    with pytest.raises(UnknownName) as caught:
        cat.explain("tolt", "s1")
    assert "Did you mean told@1?" in str(caught.value.hint)
    with pytest.raises(UnknownName) as caught:
        cat.explain("told", "s1x")
    assert "ever in this catalog" in caught.value.message
    assert "Did you mean s1" in str(caught.value.hint)


def test_a_reference_that_stands_for_several_is_refused(own: Catalog, write_jsonl: Write) -> None:
    ingest.load(own, [write_jsonl("more.jsonl", [talk("Other?", id="s1")])], source="more")
    own.select("told", method="random", size=5)
    with pytest.raises(InvalidInput, match="'s1' stands for 2 samples"):
        own.explain("told", "s1")


def test_the_command_prints_what_a_person_reads(cat: Catalog) -> None:
    cat.select("told", method="round_robin", tasks=["one"], size=12)
    member = cat.snapshot("told").members().to_pylist()[5]
    home = ["--home", str(cat.home.path)]
    shown = CliRunner().invoke(cli, [*home, "explain", "told", "--sample", member["hash"]])
    assert shown.exit_code == 0, shown.output
    for part in ("chosen: position 5 of 12", "query, user: Query one", "what it competed with"):
        assert part in shown.stdout
    # Nothing but the texts, which are cut, is wider than a terminal.
    assert max(len(line) for line in shown.stdout.splitlines()) <= 100
    told = CliRunner().invoke(cli, [*home, "explain", "told", "--sample", member["hash"], "--json"])
    found = json.loads(told.stdout)
    assert (found["chosen"], found["position"]) == (True, 5)
    assert len(found["lists"]) == 4
    other = not_members(cat, "told@1")[0]
    shown = CliRunner().invoke(cli, [*home, "explain", "told@1", "--sample", other["hash"][:10]])
    assert "not chosen: its best turn is " in shown.stdout
