"""Rules against their definitions, written out a second time here, slowly and plainly."""

import shutil
from collections.abc import Callable, Sequence
from hashlib import md5
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import catalog
import ingest
from catalog import Catalog
from catalog.errors import (
    CatalogError,
    InvalidInput,
    InvalidQuery,
    MissingVectors,
    TooFewSamples,
    UnknownName,
)
from catalog.sql import load
from catalog.store import Store, scratch
from tests.conftest import talk
from tests.tiny import TASKS, add_vectors

Write = Callable[..., Path]
Row = dict[str, Any]


@pytest.fixture(scope="module")
def stocked(stocked_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """One home for all tests that only select: snapshots of other tests do not matter to them."""
    return catalog.open(shutil.copytree(stocked_home, tmp_path_factory.mktemp("select") / "home"))


def pool(cat: Catalog) -> list[Row]:
    return cat.sql("select * exclude (messages) from pool order by sample_id").to_pylist()


def queries(cat: Catalog) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for row in cat.sql("from query join task using (task_id) order by position").to_pylist():
        found.setdefault(row["name"], []).append(row["query_id"])
    return found


def walk(lists: Sequence[Sequence[int]], size: int) -> list[tuple[int, int, int]]:
    """Walk ranked lists in turn: (what is taken, from which list, at which rank), until enough."""
    taken: dict[int, tuple[int, int]] = {}
    for rank in range(max(map(len, lists))):
        for number, ranked in enumerate(lists):
            if len(taken) < size and rank < len(ranked):
                taken.setdefault(ranked[rank], (number, rank))
    return [(key, *reason) for key, reason in taken.items()]


# Round robin


@pytest.mark.parametrize("seed", range(3))
def test_round_robin_is_the_walk_over_the_rankings(stocked: Catalog, seed: int) -> None:
    generator = np.random.default_rng(seed)
    rows, of_task = pool(stocked), queries(stocked)
    # Few distinct vectors, so that ties are everywhere.
    kinds = generator.integers(-3, 4, size=(12, 5)) + 0.5
    samples = {row["sample_id"]: kinds[generator.integers(12)] for row in rows}
    asked = {
        query: generator.integers(-3, 4, size=5) + 0.5 for ids in of_task.values() for query in ids
    }
    add_vectors(stocked, f"made{seed}", samples, asked)
    unit = {key: vector / np.linalg.norm(vector) for key, vector in samples.items()}

    def score(query: int, key: int) -> float:
        vector = asked[query] / np.linalg.norm(asked[query])
        return float(np.round(vector @ unit[key], 5))

    def ranked(of: Sequence[int]) -> list[int]:
        keys = {row["sample_id"]: row["order_key"] for row in rows}
        best = {key: max(score(query, key) for query in of) for key in keys}
        return sorted(keys, key=lambda key: (-best[key], keys[key]))

    tasks = list(generator.permutation(list(TASKS)))
    for names, lists in (
        (tasks, [ranked(of_task[name]) for name in tasks]),
        (tasks[:2], [ranked(of_task[name]) for name in tasks[:2]]),
        (["one"], [ranked([query]) for query in of_task["one"]]),
        (["two"], [ranked([query]) for query in of_task["two"]]),
    ):
        size = int(generator.integers(1, 43))
        found = stocked.select(
            f"walk{seed}", method="round_robin", tasks=names, size=size, space=f"made{seed}"
        )
        expected = walk(lists, size)
        members = found.members().to_pylist()
        assert [member["sample_id"] for member in members] == [key for key, _, _ in expected]
        for member, (key, number, rank) in zip(members, expected, strict=True):
            assert (member["rank"], member["turn"]) == (rank, rank * len(lists) + number)
            assert member["task"] == (names[number] if len(names) > 1 else names[0])
            of = of_task[member["task"]]
            assert member["query_id"] in (of if len(names) > 1 else [of[number]])
            assert member["score"] == pytest.approx(score(member["query_id"], key), abs=2e-5)


def test_lists_that_agree_are_walked_further_than_at_first(stocked: Catalog) -> None:
    rows, of_task = pool(stocked), queries(stocked)
    samples = {row["sample_id"]: [1.0, row["sample_id"] / 10] for row in rows}
    add_vectors(stocked, "alike", samples, {q: [0.0, 1.0] for ids in of_task.values() for q in ids})
    for tasks in (["one"], list(TASKS)):
        found = stocked.select(
            "alike", method="round_robin", tasks=tasks, size=40, space="alike"
        ).members()
        assert found["sample_id"].to_pylist() == list(range(42, 2, -1))
        assert found["rank"].to_pylist() == list(range(40))


@settings(max_examples=50)
@given(st.integers(0, 10_000), st.integers(1, 20), st.integers(1, 5), st.integers(1, 25))
def test_the_statement_of_round_robin_is_the_walk(
    seed: int, count: int, lists: int, size: int
) -> None:
    import pyarrow as pa

    generator = np.random.default_rng(seed)
    scores = generator.integers(0, 4, size=(lists, count))
    keys = generator.permutation(count)
    orders = [np.lexsort((keys, -row)) for row in scores]
    ranking = pa.table(
        {
            "list": np.repeat(np.arange(lists), count),
            "lists": np.full(lists * count, lists),
            "rank": np.tile(np.arange(count), lists),
            "sample_id": np.concatenate(orders),
            "score": np.concatenate(
                [row[order] for row, order in zip(scores, orders, strict=True)]
            ),
            "task": np.repeat([f"t{number}" for number in range(lists)], count),
            "query_id": np.repeat(np.arange(lists), count),
        }
    )
    with scratch({"ranking": ranking}, "100MB") as reader:
        found = reader.rows(load("select/round_robin"), size=size)
    expected = walk([order.tolist() for order in orders], size)
    assert [(row["sample_id"], row["query_id"], row["rank"]) for row in found] == expected
    assert [row["task"] for row in found] == [f"t{number}" for _, number, _ in expected]


def test_a_query_that_is_in_the_pool_is_found_first(stocked: Catalog) -> None:
    generator = np.random.default_rng(0)
    [asked] = queries(stocked)["two"]
    samples = {row["sample_id"]: generator.normal(size=16) for row in pool(stocked)}
    add_vectors(stocked, "leaky", samples, {asked: samples[17]})
    found = stocked.select("leak", method="round_robin", tasks=["two"], size=1, space="leaky")
    [first] = found.members().to_pylist()
    assert first["sample_id"] == 17
    assert first["score"] == pytest.approx(1.0, abs=1e-6)


def test_vectors_dealt_out_at_random_choose_the_mix_of_the_pool(
    cat: Catalog, write_jsonl: Write
) -> None:
    generator = np.random.default_rng(0)
    counts = {"large": 1200, "middle": 500, "small": 300}
    for name, count in counts.items():
        rows = [talk(f"{name} {number}") for number in range(count)]
        ingest.load(cat, [write_jsonl(f"{name}.jsonl", rows)], source=name)
    ingest.add_task(cat, "task", write_jsonl("task.jsonl", [talk(f"q{n}") for n in range(5)]))
    centres = {name: generator.normal(size=8) for name in counts}
    near = [centres[row["source"]] + generator.normal(size=8) / 2 for row in pool(cat)]
    asked = {query: centres["small"] for query in queries(cat)["task"]}
    add_vectors(cat, "true", dict(enumerate(near, 1)), asked)
    dealt = generator.permutation(len(near))
    add_vectors(cat, "dealt", dict(enumerate((near[i] for i in dealt), 1)), asked)
    mix: dict[str, dict[str, int]] = {}
    for space in ("true", "dealt"):
        cat.select(space, method="round_robin", tasks=["task"], size=300, space=space)
        rows = cat.sql(
            "select source, count(*) as n from member join pool using (sample_id) "
            "where snapshot = $snapshot group by source",
            snapshot=f"{space}@1",
        ).to_pylist()
        mix[space] = {row["source"]: row["n"] for row in rows}
    assert mix["true"]["small"] > 200
    for name, count in counts.items():
        share = count / 2000
        spread = (300 * share * (1 - share) * (1 - 300 / 2000)) ** 0.5
        assert abs(mix["dealt"].get(name, 0) - 300 * share) < 4 * spread


# Draws


def draw(seed: int, row: Row) -> str:
    return md5(f"{seed}{row['hash']}".encode()).hexdigest()


@pytest.mark.parametrize("seed", [0, 7, -1])
def test_random_takes_the_smallest_hashes_of_seed_and_content(stocked: Catalog, seed: int) -> None:
    found = stocked.select(f"random{seed}", method="random", size=20, seed=seed).members()
    expected = sorted(pool(stocked), key=lambda row: draw(seed, row))[:20]
    assert found["hash"].to_pylist() == [row["hash"] for row in expected]
    fewer = stocked.select(f"fewer{seed}", method="random", size=5, seed=seed).members()
    assert fewer["hash"].to_pylist() == found["hash"].to_pylist()[:5]


@pytest.mark.parametrize(("size", "shares"), [(6, (2, 2, 2)), (20, (9, 9, 2)), (42, (30, 10, 2))])
def test_balanced_gives_sources_equal_shares_and_what_one_lacks_to_the_rest(
    stocked: Catalog, size: int, shares: tuple[int, int, int]
) -> None:
    rows = pool(stocked)
    # A sample of two sources belongs to the first by name: a has 30, b 10, and c 2.
    assert {row["hash"]: row["source"] for row in rows} == {
        row["hash"]: min(row["sources"]) for row in rows
    }
    found = stocked.select(f"balanced{size}", method="balanced", size=size, seed=3).members()
    chosen = set(found["hash"].to_pylist())
    for source, share in zip("abc", shares, strict=True):
        of_source = sorted((r for r in rows if r["source"] == source), key=lambda r: draw(3, r))
        assert [row["hash"] in chosen for row in of_source] == [
            number < share for number in range(len(of_source))
        ]


def test_the_order_of_ingest_changes_no_digest(
    stocked_home: Path, backwards_home: Path, tmp_path: Path
) -> None:
    digests: list[list[str]] = []
    for number, made in enumerate((stocked_home, backwards_home)):
        home = catalog.open(shutil.copytree(made, tmp_path / str(number)))
        by_hash = {row["hash"]: row["sample_id"] for row in pool(home)}
        generator = np.random.default_rng(0)
        vectors = {by_hash[key]: generator.normal(size=4) for key in sorted(by_hash)}
        asked = {key: np.eye(4)[n % 4] for n, key in enumerate(queries(home)["one"])}
        add_vectors(home, "made", vectors, asked)
        digests.append(
            [
                home.select("picked", method=method, tasks=tasks, size=size).digest
                for method, tasks in (("random", []), ("balanced", []), ("round_robin", ["one"]))
                for size in (7, 30)
            ]
        )
    assert digests[0] == digests[1]
    assert len(set(digests[0])) == 6


# Conditions on the pool


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ("source = 'a'", 30),
        ("list_contains(sources, 'b')", 12),
        ("len(sources) = 2", 3),
        ("turns = 2 and characters > 45", 7),
        ("messages[1].content like '%1?'", 5),
        ("tools is null", 42),
        ("hash in (select hash from pool order by hash limit 3)", 3),
        ("exists (select 1 from task where name = 'one')", 42),
        ("source = 'a' -- and nothing else", 30),
        ("/* all */ true", 42),
        ("source = 'a' or\nsource = 'c'", 32),
        ("true -- ) or (", 42),
    ],
)
def test_a_condition_is_any_sql_condition(stocked: Catalog, where: str, count: int) -> None:
    found = stocked.select("where", method="random", size=99, where=where, allow_fewer=True)
    assert found.size == count


@pytest.mark.parametrize(
    "where",
    [
        "1) or (1=1",
        "true) union all (select * from pool where true",
        "true)) as x where ((true",
        "true; drop table sample",
        "drop table sample",
        "select true",
        "true order by 1",
        "true limit 1",
        "true group by all",
        "true /*",
        "source = 'a",
        "1, 1",
        "*",
        "1 as x",
        "",
        " ",
        "--",
        "nowhere = 1",
        "source::integer = 1",
        "messages",
        "characters > $least",
        "characters > ?",
        "sum(turns) > 2",
        "row_number() over () < 3",
        "(select count(*) from read_text('/etc/passwd')) > 0",
        "(select count(*) from '/etc/passwd') > 0",
        "\0",
    ],
)
def test_what_is_no_condition_is_refused(stocked: Catalog, where: str) -> None:
    with pytest.raises(InvalidQuery) as caught:
        stocked.select("where", method="random", size=1, where=where)
    assert caught.value.hint


def test_a_condition_may_use_the_token_counts_of_a_space(stocked: Catalog) -> None:
    samples = {row["sample_id"]: [1.0] for row in pool(stocked)[:10]}
    add_vectors(stocked, "counted", samples, {1: [1.0]})
    with Store(stocked.home).write("test") as transaction:
        transaction.connection.execute(
            "insert into sample_score "
            "select sample_id, scorer_id, sample_id * 10, null, sample_id > 8, $1 "
            "from sample, scorer join embedding_space using (space_id) "
            "where embedding_space.name = 'counted' and sample_id <= 10",
            [transaction.change_id],
        )
    for where, count in (("tokens > 50", 5), ("truncated", 2), ("tokens is null", 32)):
        found = stocked.select(
            "tokens", method="random", size=99, where=where, space="counted", allow_fewer=True
        )
        assert found.size == count
    found = stocked.select("tokens", method="random", size=10, where="tokens > 0", space="counted")
    assert found.tokens == 550


# Statements


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("select sample_id from pool where source = 'c' order by sample_id", [41, 42]),
        ("select sample_id from pool order by sample_id desc limit 2;", [42, 41]),
        ("from pool select SAMPLE_ID where source = 'c' order by 1", [41, 42]),
        ("with x as (select 3 as sample_id) select * from x", [3]),
        ("select unnest([5, 2, 9]) as sample_id", [5, 2, 9]),
        ("select sample_id, -sample_id as turn from pool where source = 'c'", [42, 41]),
        ("select unnest([5, 2]) as sample_id, unnest(['10', '9']) as turn", [2, 5]),
        ("select unnest([5, 2, 7]) as sample_id, unnest([1, 0, 0]) as turn", [2, 7, 5]),
        ("select unnest([5, 2, 7]) as sample_id, unnest([null, 1, 0]) as turn", [7, 2, 5]),
        ("select 4::utinyint as sample_id, 0.5::decimal(3, 2) as score", [4]),
    ],
)
def test_a_statement_gives_its_samples_in_order(
    stocked: Catalog, statement: str, expected: list[int]
) -> None:
    found = stocked.select("statement", sql=statement).members()
    assert found["sample_id"].to_pylist() == expected


def test_a_statement_keeps_the_reasons_it_gives(stocked: Catalog) -> None:
    statement = "select 7 as sample_id, 0.25 as score, 'mine' as task, 3 as rank, 9 as turn"
    [member] = stocked.select("reasons", sql=statement).members().to_pylist()
    assert member == {
        "position": 0,
        "sample_id": 7,
        "hash": pool(stocked)[6]["hash"],
        "score": 0.25,
        "task": "mine",
        "query": None,
        "query_id": None,
        "rank": 3,
        "turn": 9,
        "repeats": 1,
    }


@pytest.mark.parametrize(
    "statement",
    [
        "select hash from pool",
        "select sample_id, sample_id from pool",
        "select p.*, q.* from pool p join pool q using (source)",
        "select p.*, m.sample_id from pool p, sample m where p.sample_id = m.sample_id",
        "select sample_id from pool cross join range(2)",
        "select null::bigint as sample_id",
        "select 99 as sample_id",
        "select -1 as sample_id",
        "select 18446744073709551615::ubigint as sample_id",
        "select sample_id::double as sample_id from pool",
        "select sample_id::varchar as sample_id from pool",
        "select sample_id::hugeint as sample_id from pool",
        "select hash as sample_id from pool",
        "select [1] as sample_id",
        "select sample_id, 'first' as turn from pool",
        "select sample_id, messages as turn from pool",
        "select sample_id, 1.5 as rank from pool",
        "select sample_id, [1] as task from pool",
        "select sample_id, 'nan'::float as score from pool",
        "select sample_id, 'inf'::double as score from pool",
        "select sample_id, order_key as score from pool",
        "select sample_id from nowhere",
        "select sample_id from pool where",
        "select sample_id from read_csv('/etc/passwd')",
        "insert into sample select * from sample",
        "select 1; select 2",
        "delete from sample",
        "attach 'x.db'",
        "set memory_limit = '1GB'",
        "copy pool to 'x.csv'",
        "show tables",
        "explain select 1",
        "",
    ],
)
def test_what_gives_no_samples_is_refused(stocked: Catalog, statement: str) -> None:
    with pytest.raises(InvalidQuery) as caught:
        stocked.select("statement", sql=statement)
    assert caught.value.hint


def test_a_statement_takes_parameters_the_size_and_the_seed(stocked: Catalog) -> None:
    statement = (
        "select sample_id from pool where source = $source and characters >= $least "
        "order by md5($seed::varchar || hash) limit $size"
    )
    params = {"source": "a", "least": 10}
    found = stocked.select("params", sql=statement, size=3, seed=5, params=params).members()
    rows = [row for row in pool(stocked) if row["source"] == "a" and row["characters"] >= 10]
    rows.sort(key=lambda row: draw(5, row))
    assert found["hash"].to_pylist() == [row["hash"] for row in rows[:3]]


@pytest.mark.parametrize(
    ("statement", "options", "message"),
    [
        ("select $n as sample_id", {}, "the parameter 'n', which was not given"),
        ("select $1 as sample_id", {}, "the parameter '1', which was not given"),
        ("select ? as sample_id", {}, "the parameter '1', which was not given"),
        ("from pool limit $size", {}, "the parameter 'size', which was not given"),
        ("from pool limit $size", {"size": 2, "params": {"size": 3}}, "size is given twice"),
        ("from pool", {"params": {"n": 1}}, "has no parameter 'n'"),
        ("from pool where turns = $n", {"params": {"n": None}}, "param n is None"),
        ("from pool where turns = $n", {"params": {"n": float("nan")}}, "param n is nan"),
        ("from pool where turns = $n", {"params": {"n": "two"}}, "Could not convert"),
        ("from sample", {"where": "source = 'a'"}, "sample_ids that are not in the pool"),
        ("from pool", {"tasks": ["one"]}, "--task does not go with --sql"),
        ("from pool", {"method": "random"}, "--method and --sql given"),
    ],
)
def test_what_does_not_go_with_a_statement_is_refused(
    stocked: Catalog, statement: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises((InvalidInput, InvalidQuery), match=message):
        stocked.select("statement", sql=statement, **options)


def test_a_statement_may_stop_at_a_size(stocked: Catalog) -> None:
    statement = "from pool order by sample_id"
    found = stocked.select("sized", sql=statement, size=2).members()
    assert found["sample_id"].to_pylist() == [1, 2]
    with pytest.raises(TooFewSamples, match="43 samples were asked for, there are 42"):
        stocked.select("sized", sql=statement, size=43)
    assert stocked.select("sized", sql=statement, size=43, allow_fewer=True).size == 42


# Sizes and names


@pytest.mark.parametrize("method", ["random", "balanced"])
def test_fewer_than_asked_for_is_an_error_unless_allowed(stocked: Catalog, method: str) -> None:
    with pytest.raises(TooFewSamples, match="43 samples were asked for, there are 42") as caught:
        stocked.select("many", method=method, size=43)
    assert caught.value.hint == "Use --size 42, or --allow-fewer to take what there is."
    found = stocked.select("many", method=method, size=43, allow_fewer=True).members()
    assert sorted(found["sample_id"].to_pylist()) == list(range(1, 43))


def test_nothing_to_select_is_an_error_even_if_fewer_are_allowed(stocked: Catalog) -> None:
    with pytest.raises(TooFewSamples, match="no sample is left"):
        stocked.select("none", method="random", size=5, where="false", allow_fewer=True)


@pytest.mark.parametrize("size", [0, -1, 2.5, "3", True, 2**70])
def test_a_size_is_a_whole_number_of_at_least_one(stocked: Catalog, size: Any) -> None:
    with pytest.raises(InvalidInput, match="size is"):
        stocked.select("sized", method="random", size=size)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"method": "radnom"}, UnknownName, "Did you mean random?"),
        (
            {"method": "../show/tasks"},
            UnknownName,
            "Known methods: balanced, global_max, ifd, length, mean_max",
        ),
        ({"method": ""}, UnknownName, "no method named ''"),
        ({"method": "round_robin", "tasks": ["tow"], "space": "named"}, UnknownName, "mean two?"),
        (
            {"method": "round_robin", "tasks": ["two:heldout"], "space": "named"},
            UnknownName,
            "no task named 'two:heldout'",
        ),
        ({"method": "round_robin", "tasks": ["two:test"], "space": "named"}, InvalidInput, "role"),
        ({"method": "round_robin", "tasks": ["two:"], "space": "named"}, InvalidInput, "role ''"),
        ({"method": "round_robin", "tasks": ["two"], "space": "name"}, UnknownName, "mean named?"),
        ({"method": "round_robin", "space": "named"}, InvalidInput, "none was given"),
        (
            {"method": "round_robin", "tasks": ["two", "two"], "space": "named"},
            InvalidInput,
            "the task 'two' is given 2 times",
        ),
        ({"method": "random", "tasks": ["two"]}, InvalidInput, "does not select for tasks"),
        ({"method": "random", "params": {"n": 1}}, InvalidInput, "random has no parameter 'n'"),
        ({"method": "random", "seed": 2**64}, InvalidInput, "seed is"),
        ({"method": "random", "seed": "1"}, InvalidInput, "seed is"),
        ({"method": "random", "where": "\ud800"}, InvalidInput, "where is"),
        ({}, InvalidInput, "neither a method nor a statement"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_with_a_guess(
    stocked: Catalog, options: dict[str, Any], error: type[CatalogError], message: str
) -> None:
    if "named" not in {space["name"] for space in stocked.spaces()}:
        add_vectors(stocked, "named", {1: [1.0]}, {1: [1.0]})
    with pytest.raises(error) as caught:
        stocked.select("asked", size=1, **options)
    assert message in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize("name", ["", " x", "x ", "a@1", "a/b", "a:b", "a\nb", "\0", "x" * 121])
def test_a_name_that_could_be_misread_is_refused(stocked: Catalog, name: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be a name"):
        stocked.select(name, method="random", size=1)


def test_without_a_size_a_rule_cannot_select(stocked: Catalog) -> None:
    with pytest.raises(InvalidInput, match="no size was given"):
        stocked.select("sizeless", method="random")


def test_samples_without_a_vector_are_told_of(stocked: Catalog) -> None:
    add_vectors(stocked, "partial", {1: [1.0], 2: [1.0]}, {queries(stocked)["two"][0]: [1.0]})
    options = {"method": "round_robin", "size": 1, "space": "partial"}
    with pytest.raises(MissingVectors, match="no vectors for 40 of 42 samples"):
        stocked.select("partial", tasks=["two"], **options)
    with pytest.raises(MissingVectors, match="no vectors for 4 of the queries of one"):
        stocked.select("partial", tasks=["two", "one"], **options)
    found = stocked.select("partial", tasks=["two"], where="sample_id < 3", **options)
    assert found.size == 1
