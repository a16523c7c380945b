"""Searching by a text and by an example."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import catalog
import ingest
from catalog import Catalog, schema
from catalog.cli import cli
from catalog.cli.output import cell, one_line, shorten
from catalog.errors import CatalogError, InvalidInput, MissingVectors, ModelError, UnknownName
from catalog.model import NamedSpace
from catalog.store import Store
from catalog.vectors import Floats
from tests.conftest import talk
from tests.tiny import add_vectors

SAMPLES = 42
WIDTH = 8


def unit(rows: int, seed: int) -> Floats:
    found = np.random.default_rng(seed).standard_normal((rows, WIDTH)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def encode(named: NamedSpace, texts: Sequence[str], /) -> tuple[Floats, Floats]:
    """A text is the direction that its length says."""
    found = np.eye(WIDTH, dtype=np.float32)[[len(text) for text in texts]]
    return found, np.ones(len(texts), np.float32)


@pytest.fixture
def home(tmp_path: Path, stocked_home: Path) -> Catalog:
    """Forty-two samples with vectors in the space `s`."""
    shutil.copytree(stocked_home, tmp_path / "home")
    cat = catalog.open(tmp_path / "home")
    add_vectors(cat, "s", dict(enumerate(unit(SAMPLES, 1), 1)), {1: [1.0] * WIDTH})  # type: ignore[arg-type]
    return cat


def hashes(cat: Catalog, ids: Sequence[int]) -> list[str]:
    rows = cat.sql("select sample_id, lower(hex(content_hash)) as hash from sample").to_pylist()
    known = {row["sample_id"]: row["hash"] for row in rows}
    return [known[key] for key in ids]


def test_the_samples_nearest_to_a_text_come_best_first(home: Catalog) -> None:
    scores = unit(SAMPLES, 1)[:, 3]
    order = (-scores).argsort()[:5]
    found = home.search("abc", k=5, encode=encode)
    assert [row["hash"] for row in found.samples] == hashes(home, [int(i) + 1 for i in order])
    assert [row["rank"] for row in found.samples] == [0, 1, 2, 3, 4]
    np.testing.assert_allclose([r["score"] for r in found.samples], scores[order], atol=1e-6)
    assert (found.searched, found.index, found.like) == (SAMPLES, None, None)


def test_a_search_gives_the_rows_of_nearest(home: Catalog) -> None:
    found = home.search("ab", k=7, encode=encode).samples
    rows = home.sql("from nearest('ab', 7)", encode=encode).to_pylist()
    assert [(row["hash"], row["score"], row["rank"]) for row in found] == [
        (row["hash"], row["score"], row["rank"]) for row in rows
    ]


def test_what_is_shown_again_is_what_lies_there_now(home: Catalog) -> None:
    def told(found: list[dict[str, Any]]) -> list[str]:
        names = ("hash", "source", "external_id", "messages")
        return [json.dumps([row[name] for name in names]) for row in found]

    first = home.search("abc", k=5, encode=encode).samples
    before = told(first)
    first[0]["messages"][0]["content"] = "other"  # whoever is given rows may change them
    assert told(home.search("abc", k=5, encode=encode).samples) == before
    assert told(home.search("abc", k=7, encode=encode).samples)[:5] == before
    with Store(home.home).write("test") as transaction:
        transaction.discard("sample_source", "true")
    anew = home.search("abc", k=5, encode=encode).samples
    assert [row["hash"] for row in anew] == [row["hash"] for row in first]
    assert {row["external_id"] for row in anew} == {None}


def test_an_example_finds_its_nearest_but_not_itself(home: Catalog) -> None:
    vectors = unit(SAMPLES, 1)
    order = [int(i) + 1 for i in (-(vectors @ vectors[4])).argsort() if i != 4]
    [own] = hashes(home, [5])
    found = home.search(like=own[:10], k=100)
    assert found.like == own
    assert [row["hash"] for row in found.samples] == hashes(home, order)
    assert found.searched == SAMPLES - 1


def test_a_condition_narrows_the_pool_before_ranking(home: Catalog) -> None:
    found = home.search("abc", k=100, where="source = 'b' and turns = 2", encode=encode)
    assert {row["source"] for row in found.samples} == {"b"}
    assert len(found.samples) == found.searched == 10


def test_retired_samples_are_not_found_but_may_be_the_example(home: Catalog) -> None:
    [first] = home.search("abc", k=1, encode=encode).samples
    [row] = home.sql("select sample_id from pool where hash = $h", h=first["hash"]).to_pylist()
    with Store(home.home).write("retire") as transaction:
        transaction.insert(schema.retirement, {**row, "retired": True, "reason": "wrong"})
    found = home.search("abc", k=100, encode=encode).samples
    assert len(found) == SAMPLES - 1
    assert first["hash"] not in {row["hash"] for row in found}
    assert len(home.search(like=first["hash"], k=100).samples) == SAMPLES - 1


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({}, InvalidInput, "neither a text nor --like"),
        ({"text": "a", "like": "b"}, InvalidInput, "a text and --like given"),
        ({"text": " \n"}, InvalidInput, "the text to search for is empty"),
        ({"text": "a", "k": 0}, InvalidInput, "k is 0"),
        ({"text": "a", "space": "t"}, UnknownName, "no space named 't'"),
        ({"like": "beefbeefbeef"}, UnknownName, "no sample with the hash or id"),
        ({"text": "a", "where": "colour = 1"}, InvalidInput, "no column named 'colour'"),
        ({"text": "a", "ann": True}, UnknownName, "the space 's' has no index"),
        ({"text": "a"}, ModelError, "cannot load the model 'nowhere'"),
    ],
)
def test_a_search_that_cannot_be_done_says_why(
    home: Catalog,
    monkeypatch: pytest.MonkeyPatch,
    asked: dict[str, Any],
    error: type[CatalogError],
    message: str,
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(error) as raised:
        home.search(**asked)
    assert message in raised.value.message
    assert raised.value.hint


def test_samples_without_vectors_are_told_of_or_skipped(home: Catalog) -> None:
    add_vectors(home, "t", dict(enumerate(unit(40, 1), 1)), {1: [1.0] * WIDTH})  # type: ignore[arg-type]
    with pytest.raises(MissingVectors, match="2 of 42 samples") as raised:
        home.search("a", space="t", encode=encode)
    assert "catalog embed --space t" in str(raised.value.hint)
    found = home.search("a", space="t", k=100, skip_missing=True, encode=encode)
    assert len(found.samples) == found.searched == 40
    [lone] = hashes(home, [41])
    with pytest.raises(MissingVectors, match=f"no vectors for the sample {lone[:16]}"):
        home.search(like=lone, space="t")


Run = Callable[..., Result]


@pytest.fixture
def spoken(
    tmp_path: Path, models: Callable[[str], Path], write_jsonl: Callable[..., Path]
) -> Catalog:
    """A few real conversations, embedded by a small real model."""
    cat = catalog.init(tmp_path / "home")
    rows = [
        talk("What is three times seven?", "Twenty-one.", id="times"),
        talk("Explain what a lock is.", "It lets one thread at a time pass. " * 30, id="lock"),
        talk("请写下你的问题。" * 20, "我会尝试回答。" * 40, id="chinese"),
        {
            "messages": [
                {"role": "user", "content": "Hello?"},
                {"role": "assistant", "content": "Yes?"},
                {"role": "user", "content": "Bye."},
                {"role": "assistant", "content": "Bye."},
            ],
            "id": "long",
        },
    ]
    ingest.load(cat, [write_jsonl("rows.jsonl", rows)], source="rows")
    ingest.embed(cat, "tiny", model=str(models("qwen2")), max_tokens=64)
    return cat


def run(cat: Catalog, *words: str, columns: int = 80, text: str | None = None) -> Result:
    runner = CliRunner(env={"COLUMNS": str(columns)})
    return runner.invoke(cli, ["--home", str(cat.home.path), *words], input=text)


def test_a_prompt_that_is_typed_finds_the_same_prompt(
    spoken: Catalog, models: Callable[[str], Path]
) -> None:
    ingest.embed(spoken, "prompts", model=str(models("qwen2")), text="prompt", max_tokens=64)
    asked = "What is three times seven?"
    printed = run(spoken, "search", asked, "--space", "prompts", "--json").stdout
    first = json.loads(printed)["samples"][0]
    assert first["external_id"] == "times"
    assert first["score"] == pytest.approx(1.0, abs=1e-3)  # float16
    [row] = spoken.sql("from nearest($t, 1, space := 'prompts')", t=asked).to_pylist()
    assert (row["hash"], row["score"]) == (first["hash"], first["score"])


def test_a_text_is_asked_of_a_whitened_space_as_a_query_is(
    spoken: Catalog, models: Callable[[str], Path], write_jsonl: Callable[..., Path]
) -> None:
    query = {"messages": [{"role": "user", "content": "What is seven times three?"}]}
    ingest.add_task(spoken, "sums", write_jsonl("sums.jsonl", [query]))
    ingest.embed(spoken, "base", model=str(models("gpt2")), max_tokens=64, store="float32")
    ingest.whiten(spoken, "white", base="base", components=2)
    stored = spoken.sql("from neighbor('sums', 4, space := 'white')").to_pylist()
    typed = spoken.sql("from nearest('What is seven times three?', 4, space := 'white')")
    assert [row["sample_id"] for row in typed.to_pylist()] == [r["sample_id"] for r in stored]
    np.testing.assert_allclose(
        [row["score"] for row in typed.to_pylist()], [row["score"] for row in stored], atol=1e-3
    )


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_what_is_found_fits_the_terminal(spoken: Catalog, columns: int) -> None:
    from rich.cells import cell_len

    printed = run(spoken, "search", "a lock", columns=columns)
    assert printed.exit_code == 0, printed.output
    assert max(map(cell_len, printed.stdout.splitlines()[:-1])) <= columns
    for words in ("user: Explain what", "assistant: Twenty-one.", "… and 2 more messages"):
        assert words in printed.stdout
    assert printed.stdout.splitlines()[-1] == "exact, among 4 samples of the space tiny"


def test_samples_give_the_terminal_no_commands() -> None:
    held = "\x1b[31mred \x1b]0;title\x07 \b\x9b2J \u202eback \N{ZERO WIDTH JOINER}\n end"
    for printed in (one_line(held), shorten(held), cell(held), cell([held])):
        assert not {*"\x1b\x07\b\x9b\u202e\n"} & {*printed}
        assert "\N{ZERO WIDTH JOINER}" in printed


def test_a_search_reads_its_text_from_standard_input(spoken: Catalog) -> None:
    piped = run(spoken, "search", "-", "-k", "2", "--json", text="a lock\n")
    typed = run(spoken, "search", "a lock", "-k", "2", "--json")
    assert [r["hash"] for r in json.loads(piped.stdout)["samples"]] == [
        r["hash"] for r in json.loads(typed.stdout)["samples"]
    ]


def test_a_model_that_is_gone_or_was_replaced_is_said(
    tmp_path: Path, models: Callable[[str], Path], write_jsonl: Callable[..., Path]
) -> None:
    shutil.copytree(models("qwen2"), tmp_path / "model")
    cat = catalog.init(tmp_path / "home")
    ingest.load(cat, [write_jsonl("rows.jsonl", [talk("One?")])], source="rows")
    ingest.embed(cat, "tiny", model=str(tmp_path / "model"), max_tokens=64)
    shutil.rmtree(tmp_path / "model")
    gone = run(cat, "sql", "from nearest('one')")
    assert gone.exit_code == 1
    assert "there is no folder" in gone.stderr
    shutil.copytree(models("gpt2"), tmp_path / "model")
    other = run(cat, "search", "one")
    assert other.exit_code == 1
    assert "the space 'tiny' has another contract" in other.stderr


def test_the_command_says_what_is_wrong(spoken: Catalog) -> None:
    both = run(spoken, "search", "a", "--like", "lock")
    assert both.exit_code == 1
    assert "a text and --like given, expected one of them" in both.stderr
    none = run(spoken, "search", "a", "--where", "source = 'nobody'")
    assert none.stdout == "no sample found\nexact, among 0 samples of the space tiny\n"
