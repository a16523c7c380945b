"""NLL and IFD: of the right tokens, computed once, shared by all who ask for the same."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import catalog
import ingest
from catalog import Catalog
from catalog.errors import (
    HomeBusy,
    InvalidInput,
    InvalidQuery,
    ModelError,
    ScorerMismatch,
    UnknownName,
)
from ingest.encoder import Encoder
from ingest.options import EncoderOptions
from ingest.scores.ifd import ALPACA, RESPONSE
from ingest.tokens import within
from tests.conftest import talk
from tests.tiny import MARKS, TEXTS, save_model

Models = Callable[[str], Path]
Write = Callable[..., Path]
Row = dict[str, Any]

TURNS: Row = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is a lock?"},
        {"role": "assistant", "content": "One thread at a time."},
        {"role": "user", "content": "Überall? 🎉"},
        {"role": "assistant", "content": "Ja — 漢字, überall."},
    ]
}
CALLS: Row = {
    "messages": [
        {"role": "user", "content": "Seven times three?"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"function": {"name": "times", "arguments": "7, 3"}}],
        },
        {"role": "tool", "content": "21"},
        {"role": "assistant", "content": "It is 21."},
    ]
}
LONG = talk("word " * 80, "An answer beyond the limit.")
ROWS = [
    *(talk(TEXTS[n % 4] * (n % 3 + 1), f"{TEXTS[(n + 1) % 4]} {n}.") for n in range(9)),
    TURNS,
    CALLS,
    LONG,
]
LIMIT = 100
CHERRY_LIMIT = 130


@pytest.fixture
def filled(cat: Catalog, write_jsonl: Write) -> Catalog:
    """Twelve samples: nine of one turn, two of several, one whose answer is cut off."""
    ingest.load(cat, [write_jsonl("pool.jsonl", ROWS)], source="texts")
    return cat


@pytest.fixture
def chatty(models: Models, tmp_path: Path) -> Path:
    """A model with a chat template that ends turns as Qwen's does."""
    folder = tmp_path / "chatty"
    shutil.copytree(models("llama"), folder)
    (folder / "chat_template.jinja").write_text(
        "{{ bos_token }}{% for m in messages %}<{{ m.role }}>\n{{ m.content }}{{ eos_token }}\n"
        "{% endfor %}{% if add_generation_prompt %}<assistant>\n{% endif %}"
    )
    return folder


def scores(cat: Catalog, name: str) -> dict[int, float]:
    rows = cat.sql(f"select sample_id, value from score where scorer = '{name}'").to_pylist()
    found = {row["sample_id"]: row["value"] for row in rows}
    assert len(found) == len(rows)
    return found


def by_hand(model: Path, ids: list[int], start: int) -> float:
    """The mean cost of the tokens from `start` on, by the plain model and its own logits."""
    from transformers import AutoModelForCausalLM

    whole = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32).eval()
    given = torch.tensor([ids])
    with torch.inference_mode():
        logits = whole(given).logits[0].double()
    chances = torch.log_softmax(logits, dim=-1)
    taken = [-chances[i - 1, ids[i]].item() for i in range(max(start, 1), len(ids))]
    return sum(taken) / len(taken)


def answer_texts(encoder: Encoder, row: Row) -> list[str]:
    """What the tokens that count as answers say, run by run."""
    messages = [
        {"role": m["role"], "content": m["content"], "extra": _extra(m)} for m in row["messages"]
    ]
    text = encoder.rendered(messages)
    assert text.text == encoder.render(messages)
    tokens = encoder.tokenize([text.text], places=True)
    flags = within(tokens.places[0], [(a.start, a.end) for a in text.answers])
    runs: list[list[int]] = [[]]
    for token, counted in zip(tokens.ids[0], flags, strict=True):
        if counted:
            runs[-1].append(token)
        elif runs[-1]:
            runs.append([])
    return [encoder._tokenizer.decode(run) for run in runs if run]


def _extra(message: Row) -> str | None:
    other = {key: value for key, value in message.items() if key not in ("role", "content")}
    return json.dumps(other) if other else None


@pytest.mark.parametrize("family", ["llama", "qwen2", "gpt2"])
def test_answers_are_the_assistants_words_and_their_end_of_text(
    models: Models, family: str
) -> None:
    encoder = Encoder(str(models(family)), EncoderOptions(max_tokens=2048), head=True)
    encoder.space = encoder.space.__class__(**{**vars(encoder.space), "max_tokens": 2048})
    eos = encoder._tokenizer.eos_token
    assert answer_texts(encoder, TURNS) == [
        f"One thread at a time.{eos}",
        f"Ja — 漢字, überall.{eos}",
    ]
    calls = '[{"function": {"arguments": "7, 3", "name": "times"}}]'
    assert answer_texts(encoder, CALLS) == [f"{calls}{eos}", f"It is 21.{eos}"]


def test_answers_are_found_with_a_tokenizer_of_the_sentencepiece_kind(
    models: Models, tmp_path: Path
) -> None:
    from tokenizers import Tokenizer, decoders, normalizers, processors, trainers
    from tokenizers import models as kinds
    from transformers import PreTrainedTokenizerFast

    found = Tokenizer(kinds.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    found.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    found.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    pieces = [*MARKS, *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=380, special_tokens=pieces, show_progress=False)
    found.train_from_iterator([text.replace(" ", "▁") for text in TEXTS], trainer)
    found.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 0)]
    )
    shutil.copytree(models("llama"), tmp_path / "model")
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    wrapped = PreTrainedTokenizerFast(tokenizer_object=found, **names)
    wrapped.save_pretrained(tmp_path / "model")
    encoder = Encoder(str(tmp_path / "model"), EncoderOptions(), head=True)
    said = [text.strip() for text in answer_texts(encoder, TURNS)]
    assert said == ["One thread at a time.</s>", "Ja — 漢字, überall.</s>"]


def test_answers_are_found_in_the_models_own_template(chatty: Path) -> None:
    encoder = Encoder(str(chatty), EncoderOptions(template="model"), head=True)
    said = ["One thread at a time.</s>", "Ja — 漢字, überall.</s>"]
    assert answer_texts(encoder, TURNS) == said


def test_an_answer_that_a_template_rewrites_is_found_where_its_content_is(chatty: Path) -> None:
    (chatty / "chat_template.jinja").write_text(
        "{% for m in messages %}<{{ m.role }}>"
        "{% if m.role == 'assistant' and loop.last %}(thinks){% endif %}"
        "{{ m.content }}{{ eos_token }}{% endfor %}"
        "{% if add_generation_prompt %}<assistant>{% endif %}"
    )
    encoder = Encoder(str(chatty), EncoderOptions(template="model"), head=True)
    said = ["One thread at a time.</s>", "(thinks)Ja — 漢字, überall.</s>"]
    assert answer_texts(encoder, TURNS) == said


def test_nll_is_over_all_tokens_and_answer_nll_over_answers_given_the_rest(
    filled: Catalog, models: Models
) -> None:
    report = ingest.score(filled, "nll", model=str(models("llama")), max_tokens=LIMIT)
    assert report.scored == {"nll": 12, "answer_nll": 11}
    assert report.unscored == {"no answer within the limit": 1}
    tokenizer = Encoder(str(models("llama")), EncoderOptions())._tokenizer
    nll, answer = scores(filled, "nll"), scores(filled, "answer_nll")
    for sample, row in enumerate(ROWS[:3], 1):
        prompt, said = (message["content"].strip() for message in row["messages"])
        head = f"<|user|>\n{prompt}\n<|assistant|>\n"
        ids = tokenizer(f"{head}{said}</s>").input_ids[:LIMIT]
        assert nll[sample] == pytest.approx(by_hand(models("llama"), ids, 1), rel=1e-5)
        start = len(tokenizer(head).input_ids)
        if start < LIMIT:
            expected = by_hand(models("llama"), ids, start)
            assert answer[sample] == pytest.approx(expected, rel=1e-5)
    long = [0, *tokenizer("<|user|>\n" + "word " * 80, add_special_tokens=False).input_ids]
    assert nll[12] == pytest.approx(by_hand(models("llama"), long[:LIMIT], 1), rel=1e-5)
    cut = filled.sql("select sample_id from score where scorer = 'nll' and truncated").to_pylist()
    assert 12 in [row["sample_id"] for row in cut]


def test_neither_batches_nor_the_order_of_ingest_change_a_score(
    filled: Catalog, models: Models, tmp_path: Path, write_jsonl: Write
) -> None:
    other = catalog.init(tmp_path / "other")
    ingest.load(other, [write_jsonl("back.jsonl", ROWS[::-1])], source="texts")
    ingest.score(filled, "nll", model=str(models("llama")), batch_tokens=1)
    ingest.score(other, "nll", model=str(models("llama")), batch_tokens=5000)
    query = "select scorer, hash, value from score order by scorer, hash"
    one, two = filled.sql(query).to_pylist(), other.sql(query).to_pylist()
    assert len(one) == len(two) == 24
    for mine, theirs in zip(one, two, strict=True):
        assert (mine["scorer"], mine["hash"]) == (theirs["scorer"], theirs["hash"])
        assert mine["value"] == pytest.approx(theirs["value"], rel=1e-5)


def test_embedding_with_nll_gives_the_scores_that_scoring_gives(
    filled: Catalog, models: Models, tmp_path: Path
) -> None:
    twin = catalog.open(shutil.copytree(filled.home.path, tmp_path / "twin"))
    report = ingest.embed(filled, "rds", model=str(models("llama")), max_tokens=LIMIT, nll=True)
    assert (report.samples, report.scored) == (12, {"nll": 12, "answer_nll": 11})
    assert report.unscored["no answer within the limit"] == 1
    ingest.score(twin, "answer_nll", model=str(models("llama")), max_tokens=LIMIT)
    for name in ("nll", "answer_nll"):
        mine, theirs = scores(filled, name), scores(twin, name)
        assert mine.keys() == theirs.keys()
        assert list(mine.values()) == pytest.approx(list(theirs.values()), rel=1e-5)
    assert ingest.score(filled, "nll", space="rds").scored == {}


def test_a_space_embedded_before_is_scored_without_being_embedded_again(
    filled: Catalog, models: Models
) -> None:
    ingest.embed(filled, "rds", model=str(models("llama")))
    report = ingest.embed(filled, "rds", nll=True)
    assert (report.samples, report.scored) == (0, {"nll": 12, "answer_nll": 12})
    assert len(scores(filled, "nll")) == 12
    again = ingest.embed(filled, "rds", nll=True)
    assert (again.samples, again.scored, again.tokens) == (0, {}, 0)


def test_another_pooling_shares_the_scores_and_another_limit_does_not(
    filled: Catalog, models: Models
) -> None:
    model = str(models("llama"))
    ingest.embed(filled, "one", model=model, nll=True)
    shared = ingest.embed(filled, "two", model=model, pooling="mean", store="float32", nll=True)
    assert (shared.samples, shared.scored, shared.renamed) == (12, {}, {})
    other = ingest.embed(filled, "Short one", model=model, max_tokens=LIMIT, nll=True)
    assert other.scored == {"nll_short_one": 12, "answer_nll_short_one": 11}
    assert other.renamed == {"nll": "nll_short_one", "answer_nll": "answer_nll_short_one"}
    names = [row["name"] for row in filled.scorers()]
    assert names == ["answer_nll", "answer_nll_short_one", "nll", "nll_short_one"]


def test_new_samples_alone_are_paid_for(
    filled: Catalog, models: Models, write_jsonl: Write
) -> None:
    model = str(models("llama"))
    first = ingest.score(filled, "ifd", model=model, prompt="cherry")
    whole = ingest.score(filled, "ifd", model=model, name="own")
    ingest.load(filled, [write_jsonl("more.jsonl", [talk("New?"), ROWS[0]])], source="more")
    for report, options in ((first, {"prompt": "cherry"}), (whole, {"name": "own"})):
        again = ingest.score(filled, "ifd", model=model, **options)  # type: ignore[arg-type]
        assert set(again.scored.values()) == {1}
        assert 0 < again.tokens < report.tokens / 5
    assert ingest.score(filled, "nll", model=model).tokens == 0


def test_a_text_too_short_to_be_predicted_has_no_score_and_is_counted(
    filled: Catalog, models: Models, write_jsonl: Write
) -> None:
    ingest.load(filled, [write_jsonl("short.jsonl", [talk("One letter.", "a")])], source="short")
    options: dict[str, Any] = {"template": "plain", "text": "response"}
    model = str(models("qwen2"))  # which adds no mark: one token in all
    report = ingest.score(filled, "nll", model=model, **options)
    assert report.unscored == {"shorter than two tokens": 1}
    assert len(scores(filled, "nll")) == 12
    embedded = ingest.embed(filled, "plain", model=model, nll=True, **options)
    assert (embedded.samples, embedded.unscored) == (13, {"shorter than two tokens": 1})


def test_cherry_is_what_the_official_scripts_compute(filled: Catalog, models: Models) -> None:
    model = models("llama")
    report = ingest.score(
        filled, "ifd", model=str(model), prompt="cherry", max_tokens=CHERRY_LIMIT, name="difficulty"
    )
    tokenizer = Encoder(str(model), EncoderOptions())._tokenizer
    expected: dict[int, tuple[float, float]] = {}
    for sample, row in enumerate(ROWS, 1):
        if len(row["messages"]) != 2:
            continue
        question, answer = (message["content"] for message in row["messages"])
        prompt = ALPACA.format(instruction=question)
        asked = len(tokenizer(prompt).input_ids)
        whole = tokenizer(prompt + answer).input_ids[:CHERRY_LIMIT]
        if asked >= CHERRY_LIMIT or len(whole) <= asked:
            continue
        alone = tokenizer(RESPONSE + answer).input_ids[: CHERRY_LIMIT - asked + 4]
        header = len(tokenizer(RESPONSE).input_ids)
        if len(alone) <= header or asked + len(alone) - header > CHERRY_LIMIT:
            continue
        expected[sample] = by_hand(model, whole, asked), by_hand(model, alone, header)
    assert report.scored == dict.fromkeys(
        ("difficulty", "difficulty_conditioned", "difficulty_alone"), len(expected)
    )
    assert report.unscored == {
        "not one question and one answer": 2,
        "too long": 10 - len(expected),
    }
    assert 0 < len(expected) < 10
    ratios = scores(filled, "difficulty")
    assert ratios.keys() == expected.keys()
    for sample, (given, alone_cost) in expected.items():
        assert ratios[sample] == pytest.approx(given / alone_cost, rel=1e-5)
        assert scores(filled, "difficulty_alone")[sample] == pytest.approx(alone_cost, rel=1e-5)


def test_an_answer_alone_follows_the_header_of_its_turn(
    filled: Catalog, models: Models, chatty: Path
) -> None:
    for model, options, header in (
        (models("llama"), {"template": "tulu"}, "<|assistant|>\n"),
        (chatty, {"template": "model", "name": "chat"}, "<assistant>\n"),
    ):
        name = options.get("name", "ifd")
        ingest.score(filled, "ifd", model=str(model), **options)  # type: ignore[arg-type]
        tokenizer = Encoder(str(model), EncoderOptions())._tokenizer
        totals = counts = 0.0
        for turn in (TURNS["messages"][2], TURNS["messages"][4]):
            ids = tokenizer(f"{header}{turn['content']}</s>").input_ids
            start = len(tokenizer(header).input_ids)
            totals += by_hand(model, ids, start) * (len(ids) - start)
            counts += len(ids) - start
        assert scores(filled, f"{name}_alone")[10] == pytest.approx(totals / counts, rel=1e-5)
        ratio = scores(filled, f"{name}_conditioned")[10] / (totals / counts)
        assert scores(filled, name)[10] == pytest.approx(ratio, rel=1e-5)


def test_the_templates_numerator_is_the_answer_nll_computed_once(
    filled: Catalog, models: Models
) -> None:
    model = str(models("llama"))
    ingest.embed(filled, "rds", model=model, max_tokens=LIMIT, nll=True)
    report = ingest.score(filled, "ifd", model=model, max_tokens=LIMIT)
    assert report.scored == {"ifd": 11, "ifd_conditioned": 11, "ifd_alone": 11}
    assert report.unscored == {"no answer within the limit": 1}
    assert scores(filled, "ifd_conditioned") == scores(filled, "answer_nll")
    assert [row["name"] for row in filled.scorers()].count("nll") == 1


def test_a_condition_scores_some_samples_now_and_the_rest_later(
    filled: Catalog, models: Models
) -> None:
    model = str(models("llama"))
    some = ingest.score(filled, "nll", model=model, where="turns > 2")
    assert (some.pool, some.scored["nll"]) == (2, 2)
    assert ingest.score(filled, "nll", model=model).scored["nll"] == 10
    with pytest.raises(InvalidQuery):
        ingest.score(filled, "nll", model=model, where="turnz > 2")


def test_a_name_that_is_taken_is_refused_before_anything_is_computed(
    filled: Catalog, models: Models
) -> None:
    model = str(models("llama"))
    ingest.score(filled, "nll", model=model, name="mine")
    assert scores(filled, "mine").keys() == set(range(1, 13))
    assert ingest.score(filled, "nll", model=model, name="mine").tokens == 0
    with pytest.raises(ScorerMismatch, match="max_tokens is 2048, asked for 100"):
        ingest.score(filled, "nll", model=model, name="mine", max_tokens=LIMIT)
    jobs = [job for job in filled.jobs() if job["kind"] == "score"]
    assert [job["status"] for job in jobs] == ["finished", "finished"]


@pytest.mark.parametrize(
    ("scorer", "options", "error"),
    [
        ("perplexity", {}, "no scorer 'perplexity'"),
        ("ifd", {"prompt": "wizard"}, "no prompt 'wizard'"),
        ("nll", {"prompt": "cherry"}, "nll has no prompt"),
        ("nll", {"model": None}, "neither a model nor a space"),
        ("nll", {"space": "rds"}, "both a model and a space"),
        ("nll", {"name": "turns"}, "names something else"),
        ("nll", {"name": "No name"}, "cannot name a scorer"),
        ("nll", {"batch_tokens": 0}, "batch_tokens is 0"),
        ("nll", {"max_tokens": 0}, "max_tokens is 0"),
    ],
)
def test_wrong_values_are_refused_and_nothing_is_written(
    filled: Catalog, models: Models, scorer: Any, options: dict[str, Any], error: str
) -> None:
    with pytest.raises(InvalidInput, match=error):
        ingest.score(filled, scorer, **{"model": str(models("llama")), **options})
    assert filled.scorers() == []
    assert [job for job in filled.jobs() if job["kind"] == "score"] == []


def test_a_model_without_a_head_writes_nothing(filled: Catalog, models: Models) -> None:
    for family in ("bert", "roberta", "t5"):
        with pytest.raises(ModelError):
            ingest.score(filled, "nll", model=str(models(family)))
        with pytest.raises(ModelError):
            ingest.embed(filled, "rds", model=str(models(family)), nll=True)
    assert filled.scorers() == [] and filled.spaces() == []
    assert [job["kind"] for job in filled.jobs()] == ["ingest"]


def test_a_space_that_is_not_there_is_named(filled: Catalog) -> None:
    with pytest.raises(UnknownName, match="no space named 'rds'"):
        ingest.score(filled, "nll", space="rds")


def test_scores_that_are_being_computed_say_so(
    filled: Catalog, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ingest.scores import scoring

    inner = scoring.ScoreJob.run

    def meanwhile(self: Any, plan: Any, pool: Any) -> None:
        monkeypatch.setattr(scoring.ScoreJob, "run", inner)
        with pytest.raises(HomeBusy, match="another process is computing the same scores"):
            ingest.score(filled, "nll", model=str(models("llama")))
        inner(self, plan, pool)

    monkeypatch.setattr(scoring.ScoreJob, "run", meanwhile)
    assert ingest.score(filled, "nll", model=str(models("llama"))).scored["nll"] == 12


def test_the_same_weights_in_another_folder_are_the_same_scorer(
    filled: Catalog, models: Models, tmp_path: Path
) -> None:
    ingest.score(filled, "nll", model=str(models("llama")))
    shutil.copytree(models("llama"), tmp_path / "moved")
    assert ingest.score(filled, "nll", model=str(tmp_path / "moved")).tokens == 0
    save_model("llama", tmp_path / "moved", seed=1)
    other = ingest.score(filled, "nll", model=str(tmp_path / "moved"))
    assert other.renamed == {"nll": "nll_moved", "answer_nll": "answer_nll_moved"}


def test_scorers_are_listed_with_contract_counts_and_range(filled: Catalog, models: Models) -> None:
    ingest.score(filled, "nll", model=str(models("llama")), max_tokens=LIMIT)
    answer, nll = filled.scorers()
    assert (nll["name"], nll["samples"], answer["samples"]) == ("nll", 12, 11)
    assert nll["contract"].items() >= {"kind": "nll", "model": "llama", "max_tokens": 100}.items()
    values = np.array(list(scores(filled, "nll").values()))
    assert (nll["lowest"], nll["highest"]) == (values.min(), values.max())
