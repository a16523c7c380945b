"""nearest, similarity and neighbor in a statement."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import catalog
from catalog import Catalog, schema
from catalog.api import Result
from catalog.errors import CatalogError, InvalidInput, InvalidQuery, MissingVectors, UnknownName
from catalog.functions.encoding import Encode
from catalog.functions.tables import prepare
from catalog.model import NamedSpace
from catalog.sql import check
from catalog.store import Store
from catalog.vectors import Floats
from tests.tiny import add_vectors

SAMPLES = 42
WIDTH = 8


def unit(rows: int, seed: int) -> Floats:
    found = np.random.default_rng(seed).standard_normal((rows, WIDTH)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@pytest.fixture
def home(tmp_path: Path, stocked_home: Path) -> Catalog:
    """Forty-two samples and eight queries with vectors in the space `s`."""
    shutil.copytree(stocked_home, tmp_path / "home")
    cat = catalog.open(tmp_path / "home")
    vectors = dict(enumerate(unit(SAMPLES, 1), 1))
    add_vectors(cat, "s", vectors, dict(enumerate(unit(8, 2), 1)))  # type: ignore[arg-type]
    return cat


class Encoder:
    """Encodes a text as the direction that its length says, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def __call__(self, named: NamedSpace, texts: Sequence[str], /) -> tuple[Floats, Floats]:
        self.asked.append(list(texts))
        found = np.eye(WIDTH, dtype=np.float32)[[len(text) for text in texts]]
        return found, np.ones(len(texts), np.float32)


def run(cat: Catalog, statement: str, encode: Encode | None = None, **params: object) -> Any:
    query = check("the statement", statement)
    prepared = prepare(cat.home, query, params, encode=encode)
    with Store(cat.home, as_of=prepared.as_of).sandbox() as reader:
        prepared.register(reader)
        return Result(reader.arrow(query, **params)).to_pylist()


def scores(queries: Floats) -> Floats:
    return unit(SAMPLES, 1) @ queries.T


def test_similarity_gives_every_sample_its_best_score_and_the_query_that_had_it(
    home: Catalog,
) -> None:
    expected = scores(unit(8, 2)[:4])
    rows = home.sql("select * from similarity('one') order by sample_id").to_pylist()
    assert [row["sample_id"] for row in rows] == list(range(1, SAMPLES + 1))
    assert [row["query_id"] for row in rows] == [int(best) + 1 for best in expected.argmax(axis=1)]
    np.testing.assert_allclose([row["score"] for row in rows], expected.max(axis=1), atol=1e-6)


def test_neighbor_gives_every_query_its_nearest_samples_best_first(home: Catalog) -> None:
    order = (-scores(unit(8, 2)[4:7])).argsort(axis=0)
    rows = home.sql(
        "select n.*, q.position from neighbor('three', k := 5) as n "
        "join query as q using (query_id) order by query_position, rank"
    ).to_pylist()
    assert [row["sample_id"] for row in rows] == [int(i) + 1 for i in order[:5].T.ravel()]
    assert [row["rank"] for row in rows] == [*range(5)] * 3
    assert [row["query_position"] for row in rows] == [row["position"] for row in rows]


def test_nearest_gives_the_samples_nearest_to_a_text_best_first(home: Catalog) -> None:
    order = (-unit(SAMPLES, 1)[:, 3]).argsort()
    rows = run(home, "from nearest('abc', 4)", Encoder())
    assert [row["sample_id"] for row in rows] == [int(i) + 1 for i in order[:4]]
    assert [row["rank"] for row in rows] == [0, 1, 2, 3]
    hashes = home.sql("select sample_id, hash from pool").to_pylist()
    known = {row["sample_id"]: row["hash"] for row in hashes}
    assert [row["hash"] for row in rows] == [known[row["sample_id"]] for row in rows]


def test_scores_have_the_bits_of_a_selection(home: Catalog) -> None:
    snapshot = home.select("picked", method="round_robin", tasks=["one"], size=20)
    members = {row["sample_id"]: row for row in snapshot.members().to_pylist()}
    rows = home.sql("from neighbor('one', k := 42)").to_pylist()
    found = {(row["query_id"], row["sample_id"]): row for row in rows}
    for sample_id, member in members.items():
        same = found[member["query_id"], sample_id]
        assert (same["score"], same["rank"]) == (member["score"], member["rank"])


def test_a_statement_of_a_users_own_is_round_robin_over_neighbor(home: Catalog) -> None:
    picked = home.select("picked", method="round_robin", tasks=["one"], size=20).members()
    rows = home.sql(
        "select sample_id, min(rank * 4 + query_position) as turn from neighbor('one', k := 42) "
        "group by sample_id order by turn limit 20"
    ).to_pylist()
    assert [row["sample_id"] for row in rows] == picked["sample_id"].to_pylist()


def test_a_call_is_computed_once_however_often_it_stands_there(home: Catalog) -> None:
    encoder = Encoder()
    [row] = run(
        home,
        "with a as (from nearest('abc', k := 3)) select count(*) as n from a join "
        "nearest($text, 3) as b using (sample_id) cross join nearest('ab') as c",
        encoder,
        text="abc",
    )
    assert row["n"] == 30
    assert [sorted(texts) for texts in encoder.asked] == [["ab", "abc"]]


def test_calls_with_other_arguments_are_told_apart(home: Catalog) -> None:
    [row] = home.sql(
        "select (select count(*) from neighbor('one')) as ten,"
        " (select count(*) from neighbor('one', 2)) as two,"
        " (select count(*) from neighbor('two', k := 2, space := 's')) as other,"
        " (select count(*) from similarity(task := 'o' || lower('NE'))) as all"
    ).to_pylist()
    assert row == {"ten": 40, "two": 8, "other": 2, "all": SAMPLES}


def test_an_argument_may_be_a_parameter_or_a_subquery(home: Catalog) -> None:
    statement = "select count(*) as n from neighbor($task, k := $k + 1)"
    assert home.sql(statement, task="three", k=1).to_pylist() == [{"n": 6}]
    [row] = home.sql(
        "select count(*) as n from neighbor((select max(name) from task), 5)"
    ).to_pylist()
    assert row == {"n": 5}


def test_retired_samples_have_no_row(home: Catalog) -> None:
    [first] = home.sql("from neighbor('two', 1)").to_pylist()
    with Store(home.home).write("retire") as transaction:
        values = {"sample_id": first["sample_id"], "retired": True, "reason": "wrong"}
        transaction.insert(schema.retirement, values)
    rows = home.sql("from similarity('two')").to_pylist()
    assert len(rows) == SAMPLES - 1
    assert first["sample_id"] not in {row["sample_id"] for row in rows}


def test_a_statement_sees_the_catalog_as_it_was_when_its_calls_were_computed(
    home: Catalog,
) -> None:
    query = check(
        "the statement", "select count(*) as n from similarity('one') join pool using (sample_id)"
    )
    prepared = prepare(home.home, query)
    with Store(home.home).write("retire") as transaction:
        transaction.insert(schema.retirement, {"sample_id": 1, "retired": True, "reason": "wrong"})
    with Store(home.home, as_of=prepared.as_of).sandbox() as reader:
        prepared.register(reader)
        assert reader.value(query) == SAMPLES
    assert home.sql(query.text).to_pylist() == [{"n": SAMPLES - 1}]


def test_equal_scores_are_ordered_by_the_order_key(tmp_path: Path, stocked_home: Path) -> None:
    shutil.copytree(stocked_home, tmp_path / "home")
    cat = catalog.open(tmp_path / "home")
    same = dict.fromkeys(range(1, SAMPLES + 1), (1.0, 0.0))
    add_vectors(cat, "s", same, dict.fromkeys(range(1, 9), (1.0, 0.0)))  # type: ignore[arg-type]
    rows = cat.sql("from neighbor('two', k := 42)").to_pylist()
    keys = cat.sql("select sample_id from pool order by order_key").to_pylist()
    assert [row["sample_id"] for row in rows] == [row["sample_id"] for row in keys]


@pytest.mark.parametrize(
    ("statement", "error", "message", "hint"),
    [
        ("from similarity('on')", UnknownName, "no task named 'on'", "Did you mean one?"),
        ("from similarity('one', 'z')", UnknownName, "no space named 'z'", "Known spaces: s."),
        ("from neighbor('one', k := 0)", InvalidInput, "k is 0", None),
        ("from nearest('x', -1)", InvalidInput, "k is -1", None),
        ("from nearest('x', 2.5)", InvalidQuery, "expected a whole number", "k := 10"),
        ("from nearest(null)", InvalidQuery, "has None for text, expected a text", None),
        ("from nearest()", InvalidQuery, "lacks its argument text", "nearest(text, k := 10"),
        ("from nearest('x', count := 3)", InvalidQuery, "no argument 'count'", "k := 10"),
        ("from similarity('one', 's', true, 1)", InvalidQuery, "takes 3 arguments", None),
        ("from similarity('one', task := 'two')", InvalidQuery, "task is given twice", None),
        ("from pool, similarity(source)", InvalidQuery, "a constant for task", "parameter"),
        ("from similarity($t)", InvalidQuery, "parameter 't', which was not given", None),
    ],
)
def test_a_call_that_cannot_be_answered_says_why(
    home: Catalog, statement: str, error: type[CatalogError], message: str, hint: str | None
) -> None:
    with pytest.raises(error) as raised:
        home.sql(statement)
    assert message in raised.value.message
    assert "Binder" not in (raised.value.hint or "")
    assert hint is None or hint in (raised.value.hint or "")


def test_of_several_spaces_one_must_be_named(home: Catalog) -> None:
    add_vectors(home, "t", {1: (1.0, 0.0)}, {1: (1.0, 0.0)})
    with pytest.raises(UnknownName, match="one of 2 embedding spaces") as raised:
        home.sql("from similarity('one')")
    assert raised.value.hint == "Say which: space := 's'. Known spaces: s, t."


def test_a_space_that_lacks_vectors_says_how_many_and_how_to_fill_them(home: Catalog) -> None:
    some = dict(enumerate(unit(40, 1), 1))
    add_vectors(home, "t", some, dict(enumerate(unit(3, 2), 1)))  # type: ignore[arg-type]
    with pytest.raises(MissingVectors, match="2 of 42 samples") as raised:
        home.sql("from similarity('one', space := 't')")
    assert "catalog embed --space t" in str(raised.value.hint)
    assert "skip_missing := true" in str(raised.value.hint)
    with pytest.raises(MissingVectors, match="1 of the 4 queries of one"):
        home.sql("from similarity('one', space := 't', skip_missing := true)")
    found = run(home, "from nearest('a', 100, space := 't', skip_missing := true)", Encoder())
    assert len(found) == 40


def test_an_empty_pool_has_no_neighbor(tmp_path: Path) -> None:
    cat = catalog.init(tmp_path / "empty")
    add_vectors(cat, "s", {1: [1.0] * WIDTH}, {1: [1.0] * WIDTH})
    found = run(cat, "from nearest('a')", Encoder())
    assert found == []


def test_a_text_with_quotes_is_a_text(home: Catalog) -> None:
    assert len(run(home, "from nearest('a''b', 2)", Encoder())) == 2
    assert len(run(home, "from nearest($text, 2)", Encoder(), text="'; --")) == 2


def test_only_the_samples_that_are_meant_are_searched(home: Catalog) -> None:
    query = check("it", "select sample_id, rank from neighbor('one', k := 3) order by all")
    among = np.array([2, 5, 7, 11, 13])
    prepared = prepare(home.home, query, among=among)
    with Store(home.home, as_of=prepared.as_of).sandbox() as reader:
        prepared.register(reader)
        found = reader.arrow(query)["sample_id"].to_numpy()
    scores = unit(8, 2)[:4] @ unit(SAMPLES, 1)[among - 1].T
    expected = among[np.argsort(-scores, axis=1)[:, :3]].ravel()
    assert sorted(found) == sorted(expected)
