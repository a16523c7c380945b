"""Recipes: said in full, read back whole, refused where they make no sense."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import catalog
import ingest
from catalog import Catalog
from catalog.errors import InvalidInput, UnknownName
from catalog.recipe import Recipe
from catalog.references import Exclusion, Part, TaskReference
from tests.test_selection import pool, queries
from tests.tiny import add_vectors

Write = Callable[..., Path]

ODD = st.text(alphabet=" \n\t\r\x85\u2028#:'\"-|>%a\\\x07é😀{}[],&*!?\ufeff\x00\x7f", max_size=20)
TEXTS = st.one_of(
    st.text(max_size=30), ODD, st.sampled_from(["yes", "null", "1", "2020-01-01", "~"])
)
PARAMS = st.one_of(
    st.booleans(),
    st.integers(-(2**62), 2**62),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXTS,
)
RECIPES = st.one_of(
    st.builds(Recipe, method=st.just("sql"), sql=TEXTS, params=st.dictionaries(TEXTS, PARAMS)),
    st.builds(
        Recipe,
        method=TEXTS.filter(lambda name: name not in ("sql", "mix")),
        size=st.integers(1, 2**63 - 1),
        where=st.none() | TEXTS,
        seed=st.integers(-(2**62), 2**62),
        tasks=st.lists(
            st.builds(TaskReference, TEXTS, st.sampled_from(["select", "heldout"]), TEXTS),
            max_size=3,
            unique_by=lambda task: (task.name, task.role),
        ).map(tuple),
        space=st.none() | st.dictionaries(TEXTS, TEXTS | st.integers(0, 9)),
        allow_fewer=st.booleans(),
    ),
    st.builds(
        Recipe,
        method=TEXTS.filter(lambda name: name not in ("sql", "mix")),
        tokens=st.integers(1, 2**63 - 1),
        rule=st.none() | TEXTS,
        scores=st.dictionaries(TEXTS, st.dictionaries(TEXTS, TEXTS | st.integers())),
        max_per_source=st.none() | st.integers(1, 99),
        not_in=st.lists(
            st.builds(Exclusion, st.sampled_from(["snapshot", "list"]), TEXTS, TEXTS), max_size=3
        ).map(tuple),
        skip_near_duplicates=st.none() | st.floats(0, 1, exclude_min=True),
        skip_missing=st.booleans(),
        exclude_contaminated=st.booleans(),
    ),
    st.builds(
        Recipe,
        method=st.just("mix"),
        parts=st.lists(
            st.builds(Part, TEXTS, TEXTS, share=st.floats(0, 1, exclude_min=True))
            | st.builds(Part, TEXTS, TEXTS, count=st.integers(1, 99)),
            min_size=1,
            max_size=3,
        ).map(tuple),
        repeats=st.integers(1, 9),
    ),
)


@given(RECIPES)
def test_what_is_written_is_read_back(recipe: Recipe) -> None:
    assert Recipe.from_json(recipe.json()) == recipe
    assert Recipe.from_json(recipe.yaml()) == recipe


def test_a_recipe_is_written_for_people() -> None:
    tasks = (TaskReference("gsm8k", "select", "ab"),)
    recipe = Recipe("round_robin", size=5, tasks=tasks, where="turns = 2", space={"width": 4})
    assert recipe.yaml() == (
        "method: round_robin\nsize: 5\ntasks:\n- digest: ab\n  name: gsm8k\n  role: select\n"
        "space:\n  width: 4\nwhere: turns = 2\n"
    )
    statement = "select sample_id\nfrom pool\n"
    assert Recipe("sql", sql=statement).yaml() == (
        "method: sql\nsql: |\n  select sample_id\n  from pool\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3",
        "[]",
        "a: [",
        "size: 3",
        "method: random\nsize: three",
        "method: random\nsize: 0",
        "method: random\nsize: 3\nseed: x",
        "method: random\nsize: 3\nwhere: 5",
        "method: random\nsize: 3\nwhere: 2024-01-01",
        "method: random\nsize: 3\nspace: 5",
        "method: random\nsize: 3\nparams: [1]",
        "method: random\nsize: 3\nallow_fewer: perhaps",
        "method: random\nsize: 3\nsquare: 4",
        "method: random\nsize: 3\ntasks: gsm8k",
        "method: random\nsize: 3\ntasks: [gsm8k]",
        "method: random\nsize: 3\ntasks: [{name: a, role: test, digest: b}]",
        "method: random\nsize: 3\nsql: select 1",
        "",
        "method: random\nsize: 3\ntokens: 3",
        "method: random\nsize: 3\nsizes: 3",
        "method: ppl_top\nsize: 3\nscores: {nll: 5}",
        "method: random\nsize: 3\nmax_per_source: 0",
        "method: random\nsize: 3\nskip_near_duplicates: 1.5",
        "method: random\nsize: 3\nparts: [{snapshot: a@1, digest: b, share: 0.5}]",
        "method: sql\nsize: 3",
        "method: 5\nsize: 3",
        '{"method": "random", "size": 3, "seed": NaN}',
        "\x00",
    ],
)
def test_what_is_no_recipe_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        Recipe.read(path)
    assert caught.value.hint


def test_a_recipe_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x80")
    for path in (tmp_path / "missing", tmp_path, tmp_path / "binary"):
        with pytest.raises(InvalidInput, match="cannot read the recipe"):
            Recipe.read(path)


Twin = tuple[Catalog, Catalog]


@pytest.fixture(scope="module")
def twin_homes(
    stocked_home: Path, backwards_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("twin")
    homes = (folder / "one", folder / "two")
    for home, made in zip(homes, (stocked_home, backwards_home), strict=True):
        cat = catalog.open(shutil.copytree(made, home))
        generator = np.random.default_rng(0)
        by_hash = {row["hash"]: row["sample_id"] for row in pool(cat)}
        vectors = {by_hash[key]: generator.normal(size=4) for key in sorted(by_hash)}
        rows = cat.sql("select lower(hex(content_hash)) as h, query_id from query").to_pylist()
        found = {row["h"]: row["query_id"] for row in rows}
        asked = {found[key]: generator.normal(size=4) for key in sorted(found)}
        add_vectors(cat, "made", vectors, asked)
    return homes


@pytest.fixture
def twin(twin_homes: tuple[Path, Path], tmp_path: Path) -> Twin:
    """Two homes of the same content, taken in in opposite orders, with the same vectors."""
    one, two = (catalog.open(shutil.copytree(h, tmp_path / h.name)) for h in twin_homes)
    return one, two


@pytest.mark.parametrize(
    "options",
    [
        {"method": "random", "size": 9, "seed": 4, "where": "source = 'a' or\n turns > 9"},
        {"method": "balanced", "size": 99, "allow_fewer": True},
        {"method": "round_robin", "size": 9, "tasks": ["two", "one"], "where": "source != 'b'"},
        {"sql": "from pool where turns < $n order by hash desc\nlimit 5", "params": {"n": 3}},
    ],
)
def test_a_recipe_of_one_home_selects_the_same_in_another(
    twin: Twin, tmp_path: Path, options: dict[str, Any]
) -> None:
    one, two = twin
    first = one.select("made", **options)
    path = tmp_path / "recipe.yaml"
    path.write_text(first.recipe.yaml(), encoding="utf-8")
    second = two.select("again", recipe=Recipe.read(path))
    assert second.digest == first.digest
    assert second.recipe == first.recipe
    again = one.select("made", recipe=Recipe.read(path))
    assert (str(again), again.is_new) == ("made@1", False)


@pytest.mark.parametrize(
    "options",
    [
        {"size": 3},
        {"tasks": ["one"]},
        {"where": "true"},
        {"seed": 1},
        {"space": "made"},
        {"params": {"n": 1}},
    ],
)
def test_a_recipe_is_followed_as_it_is(
    cat: Catalog, write_jsonl: Write, options: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput, match="does not go with a recipe"):
        cat.select("x", recipe=Recipe("random", size=2), **options)


def test_a_recipe_without_its_task_or_space_here_says_what_to_make(
    twin: Twin, tmp_path: Path
) -> None:
    one, two = twin
    recipe = one.select("made", method="round_robin", size=3, tasks=["one"]).recipe
    elsewhere = catalog.init(tmp_path / "elsewhere")
    with pytest.raises(
        UnknownName, match="no embedding space here has the recipe's contract"
    ) as caught:
        elsewhere.select("again", recipe=recipe)
    assert "catalog embed --space NAME --model made --pooling mean" in str(caught.value.hint)
    changed = Recipe(
        "round_robin", size=3, space=recipe.space, tasks=(TaskReference("one", "select", "00"),)
    )
    with pytest.raises(UnknownName, match=r"no task 'one' .* with the queries of digest 00"):
        two.select("again", recipe=changed)
    unspaced = Recipe("round_robin", size=3, tasks=recipe.tasks)
    with pytest.raises(InvalidInput, match="needs an embedding space"):
        two.select("again", recipe=unspaced)
    with pytest.raises(InvalidInput, match="the recipe's space is no contract"):
        two.select("again", recipe=Recipe("random", size=3, space={"width": 4}))


def test_a_recipe_keeps_to_the_revision_of_its_task(twin: Twin, write_jsonl: Write) -> None:
    one, _ = twin
    first = one.select("made", method="round_robin", size=9, tasks=["one"])
    newer = write_jsonl("newer.jsonl", [{"messages": [{"role": "user", "content": "Other?"}]}])
    ingest.add_task(one, "one", newer, replace=True)
    kept = set(queries(one)["one"])
    again = one.select("made", recipe=first.recipe)
    assert (again.digest, again.is_new) == (first.digest, False)
    assert set(again.members()["query_id"].to_pylist()) <= kept


def test_the_same_files_in_another_folder_are_the_same_model() -> None:
    from catalog.model import EmbeddingSpace

    def space(model: str, revision: str) -> EmbeddingSpace:
        return EmbeddingSpace(
            model, revision, "tulu", "0", "conversation", "mean", "last", 9, "float32", "float32", 4
        )

    assert space("here", "sha256:1").differences(space("there", "sha256:1")) == []
    assert space("here", "sha256:1").differences(space("here", "sha256:2")) == ["model_revision"]
    assert space("org/a", "unknown").differences(space("org/b", "unknown")) == ["model"]
