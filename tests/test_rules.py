"""Rules over scores, a user's own rules, and how they are listed."""

import shutil
from pathlib import Path
from typing import Any

import pytest

import catalog
from catalog import Catalog
from catalog.errors import (
    InvalidInput,
    InvalidQuery,
    MissingScores,
    TooFewSamples,
    UnknownName,
)
from catalog.scorers import add_scorer
from catalog.store import Store
from tests.tiny import add_vectors

Row = dict[str, Any]


def score(cat: Catalog, name: str, values: dict[int, float | str], **contract: Any) -> None:
    """Have a scorer give some samples a number or a text."""
    with Store(cat.home).write("test") as transaction:
        scorer = add_scorer(transaction, name, {"kind": "test", "scorer": name, **contract})
        for sample, value in values.items():
            text = isinstance(value, str)
            transaction.connection.execute(
                "insert into sample_score values ($1, $2, $3, $4, null, $5)",
                [
                    sample,
                    scorer.scorer_id,
                    None if text else value,
                    value if text else None,
                    transaction.change_id,
                ],
            )


@pytest.fixture(scope="module")
def cat(stocked_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """The stocked home, its forty-two samples scored."""
    cat = catalog.open(shutil.copytree(stocked_home, tmp_path_factory.mktemp("rules") / "home"))
    score(cat, "nll", {key: float(key * 5 % 43) for key in range(1, 43)})
    score(cat, "ifd", {key: key / 30 for key in range(1, 43)})
    score(cat, "language", {key: "en" if key % 2 else "de" for key in range(1, 41)})
    score(cat, "tied", dict.fromkeys(range(1, 43), 1.0))
    asked = cat.sql("select query_id from query").to_pylist()
    samples = {key: [1.0, key] for key in range(1, 43)}
    add_vectors(cat, "space", samples, {row["query_id"]: [1.0, 0.0] for row in asked})
    return cat


def rule(cat: Catalog, name: str, text: str) -> None:
    """Keep a rule in the home."""
    cat.home.queries.mkdir(exist_ok=True)
    (cat.home.queries / f"{name}.sql").write_text(text)


def members(cat: Catalog, **options: Any) -> list[int]:
    return list(cat.select("s", **options).members()["sample_id"].to_pylist())


def test_top_perplexity_takes_the_highest_and_middling_passes_over_a_third(cat: Catalog) -> None:
    ranked = sorted(range(1, 43), key=lambda key: -(key * 5 % 43))
    assert members(cat, method="ppl_top", size=10) == ranked[:10]
    assert members(cat, method="ppl_mid", size=10) == ranked[13:23]  # 0.33 * 42 = 13.86
    inside = [key for key in ranked if key <= 20]
    assert members(cat, method="ppl_mid", size=5, where="sample_id <= 20") == inside[6:11]


def test_ifd_drops_what_is_above_one(cat: Catalog) -> None:
    assert members(cat, method="ifd", size=5) == [30, 29, 28, 27, 26]
    with pytest.raises(TooFewSamples, match="31 samples were asked for, there are 30"):
        cat.select("s", method="ifd", size=31)


def test_another_scorer_may_stand_for_the_one_a_rule_needs(cat: Catalog) -> None:
    keys = {row["sample_id"]: row["order_key"] for row in cat.sql("from pool").to_pylist()}
    found = cat.select("s", method="ppl_top", size=42, scores={"nll": "tied"})
    assert found.members()["sample_id"].to_pylist() == sorted(keys, key=keys.__getitem__)
    assert found.recipe.scores["nll"]["scorer"] == "tied"
    assert cat.select("again", recipe=found.recipe).digest == found.digest


def test_every_scorer_is_a_column_in_conditions(cat: Catalog) -> None:
    assert members(cat, method="random", size=1, where="nll = 42", seed=1) == [17]
    found = members(cat, method="ppl_top", size=20, where="language = 'de' and ifd < 2")
    assert sorted(found) == [*range(2, 41, 2)]
    assert sorted(members(cat, method="random", size=2, where="language is null")) == [41, 42]
    with pytest.raises(InvalidQuery, match="no column named 'lang'") as caught:
        cat.select("s", method="random", size=1, where="lang = 'de'")
    assert (caught.value.hint or "").startswith("Did you mean language?")


def test_scores_that_are_missing_are_counted(cat: Catalog) -> None:
    rule(
        cat,
        "by_language",
        "-- needs: pool (sample_id); language (sample_id, label)\n"
        "select sample_id, row_number() over (order by l.label, sample_id) as turn\n"
        "from pool join language as l using (sample_id) order by turn limit $size",
    )
    with pytest.raises(MissingScores, match="'language' has no score for 2 of 42 samples"):
        cat.select("s", method="by_language", size=3)
    assert members(cat, method="by_language", size=3, skip_missing=True) == [2, 4, 6]


def test_a_rule_of_the_users_sees_the_narrowed_pool_its_tasks_and_functions(cat: Catalog) -> None:
    rule(
        cat,
        "best",
        "-- The best by similarity, cut at a score.\n"
        "-- needs: similarity (sample_id, score)\n"
        "select s.sample_id, s.score, p.characters as turn\n"
        "from similarity as s join pool as p using (sample_id)\n"
        "where s.score > $least order by turn limit $size",
    )
    found = cat.select(
        "s", method="best", tasks=["one"], size=3, params={"least": 0.1}, where="sample_id < 20"
    )
    assert max(found.members()["sample_id"].to_pylist()) < 20
    assert found.recipe.rule is not None and found.method == "best"
    rule(
        cat,
        "near",
        "select s.sample_id from similarity('one', space := 'space') as s\n"
        "semi join pool as p using (sample_id) order by s.score desc limit $size",
    )
    assert members(cat, method="near", size=3, where="sample_id between 5 and 9") == [5, 6, 7]


def test_a_changed_rule_is_another_recipe_and_the_old_one_still_runs(cat: Catalog) -> None:
    rule(cat, "mine", "select sample_id from pool order by sample_id limit $size")
    first = cat.select("mine", method="mine", size=2)
    rule(cat, "mine", "select sample_id from pool order by sample_id desc limit $size")
    second = cat.select("mine", method="mine", size=2)
    assert (first.version, second.version) == (1, 2)
    assert cat.select("old", recipe=first.recipe).digest == first.digest
    assert cat.select("mine", method="mine", size=2).version == 2


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("select 1 as x from pool limit $size", {}, "gives x, and no sample_id"),
        ("select 1 as sample_id from pool limit $size", {}, "more than once"),
        ("select 99 as sample_id limit $size", {}, "not in the pool, such as 99"),
        ("select sample_id from pool limit $n", {}, "has the parameter 'n'"),
        ("select sample_id from pool limit $size", {"params": {"k": 1}}, "no parameter 'k'"),
        ("-- needs: magic (a)\nselect a as sample_id from magic", {}, "needs 'magic'"),
        ("-- needs: ranking (a)\nselect sample_id from ranking", {}, "selects for a task"),
        ("delete from sample", {}, "DELETE, not one SELECT"),
        ("select sample_id from", {}, "does not parse"),
        ("select sample_id from nowhere limit $size", {}, "nowhere"),
    ],
)
def test_a_rule_that_is_none_is_refused(
    cat: Catalog, text: str, options: Row, message: str
) -> None:
    rule(cat, "broken", text)
    before = len(cat.snapshots())
    with pytest.raises((InvalidInput, InvalidQuery), match=message):
        cat.select("s", method="broken", size=2, **options)
    assert len(cat.snapshots()) == before


def test_rules_are_listed_with_their_headers_and_faults(cat: Catalog) -> None:
    rule(cat, "random", "select sample_id from pool")
    rule(cat, "wrong", "select")
    rule(cat, "fine", "-- All of it.\nselect sample_id from pool limit $size")
    found = {(row["method"], bool(row["file"])): row for row in cat.methods()}
    assert found["fine", True]["what_it_does"] == "All of it."
    assert "comes with the catalog" in found["random", True]["problem"]
    assert "does not parse" in found["wrong", True]["problem"]
    assert found["round_robin", False]["needs"] == ["ranking"]
    assert found["ppl_mid", False]["params"] == ["size"]
    with pytest.raises(UnknownName) as caught:
        cat.select("s", method="fin", size=1)
    assert (caught.value.hint or "").startswith("Did you mean fine?")
    (cat.home.queries / "random.sql").unlink()


def test_rules_that_need_a_task_or_a_scorer_say_so(cat: Catalog) -> None:
    for method in ("mean_max", "global_max", "round_robin"):
        with pytest.raises(InvalidInput, match=f"{method} selects for a task and none was given"):
            cat.select("s", method=method, size=1, space="space")
    with pytest.raises(UnknownName, match="no scorer named 'nlll'") as caught:
        cat.select("s", method="ppl_top", size=1, scores={"nll": "nlll"})
    assert (caught.value.hint or "").startswith("Did you mean nll?")
    with pytest.raises(InvalidInput, match="nothing was checked for contamination"):
        cat.select("s", method="random", size=1, exclude_contaminated=True)


def test_statements_obey_conditions_budgets_and_constraints(cat: Catalog) -> None:
    statement = "select sample_id from pool order by sample_id"
    assert members(cat, sql=statement, where="sample_id > 40") == [41, 42]
    first = {row["source"]: row["sample_id"] for row in reversed(cat.sql("from pool").to_pylist())}
    capped = members(cat, sql=statement, max_per_source=1)
    assert capped == sorted(capped) and len(capped) == len(first)


def test_a_rule_of_the_users_over_ranked_lists_gets_them_whole(cat: Catalog) -> None:
    rule(
        cat,
        "summed",
        "-- needs: ranking (sample_id, score, order_key)\n"
        "select sample_id, row_number() over (\n"
        "    order by sum(score) desc, any_value(order_key)) as turn\n"
        "from ranking group by sample_id order by turn limit $size",
    )
    options: Row = {"method": "summed", "tasks": ["one"], "space": "space"}
    assert members(cat, size=5, **options) == members(cat, size=42, **options)[:5]


@pytest.mark.parametrize("call", ["random()", "now()", "current_date", "uuid()"])
def test_chance_and_the_clock_are_no_part_of_a_selection(cat: Catalog, call: str) -> None:
    name = call.removesuffix("()")
    with pytest.raises(InvalidQuery, match=f"uses {name}, which gives something else"):
        cat.select("s", method="random", size=1, where=f"{call} is not null")
    with pytest.raises(InvalidQuery, match=f"uses {name}"):
        cat.select("s", sql=f"select sample_id from pool where {call} is not null")


def test_what_a_rule_does_not_need_is_not_taken_in_silence(cat: Catalog) -> None:
    with pytest.raises(InvalidInput, match="ppl_top needs no scorer 'nl'"):
        cat.select("s", method="ppl_top", size=1, scores={"nl": "tied"})
    recipe = cat.select("s", method="random", size=1).recipe
    with pytest.raises(InvalidInput, match="--max-per-source does not go with a recipe"):
        cat.select("s", recipe=recipe, max_per_source=0)
    rule(cat, "silent", "select sample_id from ranking limit $size")
    with pytest.raises(InvalidQuery, match="reads ranking and does not say that it needs it"):
        cat.select("s", method="silent", size=1)
    rule(cat, ".hidden", "select")
    assert ".hidden" not in {row["method"] for row in cat.methods()}


def test_the_command_for_missing_scores_is_the_scorers_own(cat: Catalog) -> None:
    score(cat, "rater", {1: 1.0})
    score(cat, "small_nll", {1: 1.0}, model="org/m", max_tokens=99, compute_dtype="float32")
    for name, command in (
        ("rater", "catalog scores import FILE --scorer rater"),
        ("small_nll", "--model org/m --max-tokens 99 --dtype float32 --name small_nll"),
    ):
        with pytest.raises(MissingScores, match=f"'{name}' has no score for 41") as caught:
            cat.select("s", method="ppl_top", size=1, scores={"nll": name})
        assert command in (caught.value.hint or "")


def test_functions_in_rules_see_the_narrowed_pool(cat: Catalog) -> None:
    text = (
        "select sample_id, min(rank * 4 + query_position) as turn\n"
        "from neighbor('one', k := $size, space := 'space') group by sample_id\n"
        "order by turn limit $size"
    )
    rule(cat, "walked", text)
    options: Row = {"size": 7, "where": "sample_id between 11 and 30"}
    count = len(cat.sql("from query join task using (task_id) where name = 'one'").to_pylist())
    assert count == 4
    expected = members(cat, method="round_robin", tasks=["one"], space="space", **options)
    assert members(cat, method="walked", **options) == expected
