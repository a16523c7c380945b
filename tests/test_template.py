"""Messages become text exactly as the paper's scripts have it."""

import json
from typing import Any

import pytest

from ingest.template import (
    DEFINITIONS,
    TEMPLATES,
    Answer,
    Rendered,
    content,
    part,
    plain,
    template_hash,
    tulu,
)

TALK = [
    {"role": "system", "content": " Be brief.\n"},
    {"role": "user", "content": "\n1+1?  "},
    {"role": "assistant", "content": " 2 "},
    {"role": "user", "content": "And 2+2?"},
    {"role": "assistant", "content": "4\n"},
]


def test_tulu_strips_every_content_and_ends_with_the_end_of_text() -> None:
    assert tulu(TALK, "</s>").text == (
        "<|system|>\nBe brief.\n<|user|>\n1+1?\n<|assistant|>\n2</s>\n"
        "<|user|>\nAnd 2+2?\n<|assistant|>\n4</s>"
    )


def test_tulu_without_an_answer_ends_with_the_question() -> None:
    assert tulu(TALK[:2], "</s>").text == "<|system|>\nBe brief.\n<|user|>\n1+1?"


def test_tulu_writes_nothing_for_an_end_of_text_that_a_tokenizer_lacks() -> None:
    assert tulu(TALK[1:3], "").text == "<|user|>\n1+1?\n<|assistant|>\n2"


def test_plain_joins_stripped_contents() -> None:
    assert plain(TALK, "</s>").text == "Be brief.\n1+1?\n2\nAnd 2+2?\n4"


@pytest.mark.parametrize(
    ("text", "first", "count"), [("conversation", 0, 5), ("prompt", 0, 4), ("response", 4, 1)]
)
def test_a_prompt_is_all_before_the_last_answer(text: Any, first: int, count: int) -> None:
    assert part(TALK, text) == TALK[first : first + count]


def test_without_an_answer_all_is_prompt_and_the_response_is_empty() -> None:
    assert part(TALK[:2], "prompt") == TALK[:2]
    assert part(TALK[:2], "response") == []


@pytest.mark.parametrize("empty", [None, "", " \n"])
def test_calls_stand_where_a_content_is_empty(empty: str | None) -> None:
    calls = [{"name": "add", "arguments": {"b": 2, "a": 1}}]
    message = {"role": "assistant", "content": empty, "extra": json.dumps({"tool_calls": calls})}
    assert content(message) == '[{"arguments": {"a": 1, "b": 2}, "name": "add"}]'


def test_the_order_of_keys_in_a_call_changes_no_text() -> None:
    texts = {
        content({"role": "assistant", "content": None, "extra": extra})
        for extra in (
            '{"function_call": {"name": "f", "arguments": "{}"}}',
            '{"function_call": {"arguments": "{}", "name": "f"}}',
        )
    }
    assert texts == {'{"arguments": "{}", "name": "f"}'}


def test_a_content_goes_before_its_calls() -> None:
    extra = '{"tool_calls": [{"name": "f"}]}'
    assert content({"role": "assistant", "content": "Wait.", "extra": extra}) == "Wait."


def test_every_template_has_a_hash_of_its_own() -> None:
    assert TEMPLATES.keys() == DEFINITIONS.keys()
    hashes = [template_hash("tulu"), template_hash("plain")]
    hashes += [template_hash("model", "{{ a }}"), template_hash("model", "{{ b }}")]
    assert len(set(hashes)) == 4
    assert template_hash("tulu", "{{ a }}") == hashes[0]


@pytest.mark.parametrize("render", [tulu, plain])
def test_answers_lie_where_the_text_says(render: Any) -> None:
    calls = json.dumps({"tool_calls": [{"name": "f"}]})
    talk = [
        *TALK,
        {"role": "user", "content": "4"},
        {"role": "assistant", "content": None, "extra": calls},
        {"role": "tool", "content": "4"},
        {"role": "assistant", "content": " Süß 🎉 "},
    ]
    found = render(talk, "</s>")
    eos = "</s>" if render is tulu else ""
    answers = ["2", "4", '[{"name": "f"}]', "Süß 🎉"]
    assert [found.text[a.start : a.end] for a in found.answers] == [text + eos for text in answers]
    header = "<|assistant|>\n" if render is tulu else ""
    assert {found.text[a.opening : a.start] for a in found.answers} == {header}
    assert render(TALK[:2], "</s>").answers == ()


def test_what_stripping_takes_away_moves_the_answers() -> None:
    found = plain([{"role": "user", "content": " "}, {"role": "assistant", "content": "a"}], "")
    assert (found.text, found.answers) == ("a", (Answer(0, 0, 1),))


def test_a_prefix_moves_the_answers_and_leaves_an_empty_text_empty() -> None:
    found = tulu(TALK[1:3], "</s>").after("passage: ")
    [answer] = found.answers
    assert found.text.startswith("passage: <|user|>")
    assert found.text[answer.start : answer.end] == "2</s>"
    assert Rendered("", ()).after("passage: ").text == ""
