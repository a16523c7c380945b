"""Messages become text exactly as the paper's scripts have it."""

import json
from typing import Any

import pytest

from ingest.template import DEFINITIONS, TEMPLATES, content, part, plain, template_hash, tulu

TALK = [
    {"role": "system", "content": " Be brief.\n"},
    {"role": "user", "content": "\n1+1?  "},
    {"role": "assistant", "content": " 2 "},
    {"role": "user", "content": "And 2+2?"},
    {"role": "assistant", "content": "4\n"},
]


def test_tulu_strips_every_content_and_ends_with_the_end_of_text() -> None:
    assert tulu(TALK, "</s>") == (
        "<|system|>\nBe brief.\n<|user|>\n1+1?\n<|assistant|>\n2</s>\n"
        "<|user|>\nAnd 2+2?\n<|assistant|>\n4</s>"
    )


def test_tulu_without_an_answer_ends_with_the_question() -> None:
    assert tulu(TALK[:2], "</s>") == "<|system|>\nBe brief.\n<|user|>\n1+1?"


def test_tulu_writes_nothing_for_an_end_of_text_that_a_tokenizer_lacks() -> None:
    assert tulu(TALK[1:3], "") == "<|user|>\n1+1?\n<|assistant|>\n2"


def test_plain_joins_stripped_contents() -> None:
    assert plain(TALK, "</s>") == "Be brief.\n1+1?\n2\nAnd 2+2?\n4"


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
