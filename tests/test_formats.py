"""Each format gives the messages it is made of and leaves the rest of the row."""

from typing import Any

import pytest

from ingest.formats import FORMAT_NAMES, FORMATS, SHAREGPT_ROLES, recognise
from ingest.normalize import ROLES
from ingest.parse import Refusal, Row


def shaped(name: Any, row: Row) -> tuple[list[Any], Row]:
    rest = dict(row)
    return FORMATS[name][0](rest), rest


def refused(name: Any, row: Row) -> tuple[str, str]:
    with pytest.raises(Refusal) as found:
        shaped(name, row)
    return found.value.reason, found.value.detail


def user(content: Any) -> Row:
    return {"role": "user", "content": content}


def assistant(content: Any) -> Row:
    return {"role": "assistant", "content": content}


def test_every_format_has_a_name() -> None:
    assert set(FORMATS) == set(FORMAT_NAMES)
    assert set(SHAREGPT_ROLES.values()) <= ROLES


@pytest.mark.parametrize(
    ("name", "row", "messages", "rest"),
    [
        ("messages", {"messages": [user("q")], "x": 1}, [user("q")], {"x": 1}),
        (
            "alpaca",
            {"instruction": "Add.", "input": "1, 2", "output": "3", "x": 1},
            [user("Add.\n\n1, 2"), assistant("3")],
            {"x": 1},
        ),
        (
            "alpaca",
            {"instruction": "i", "input": " ", "output": "o"},
            [user("i"), assistant("o")],
            {},
        ),
        ("alpaca", {"instruction": "i", "input": None, "output": None}, [user("i")], {}),
        (
            "alpaca",
            {"instruction": "i", "output": "o", "system": "s", "history": [["a", "b"]]},
            [
                {"role": "system", "content": "s"},
                user("a"),
                assistant("b"),
                user("i"),
                assistant("o"),
            ],
            {},
        ),
        (
            "sharegpt",
            {
                "conversations": [
                    {"from": "human", "value": "q", "weight": 0},
                    {"from": "gpt", "value": "a"},
                    {"role": "user", "content": "q2"},
                ],
                "system": "s",
                "tools": "[]",
            },
            [
                {"role": "system", "content": "s"},
                user("q") | {"weight": 0},
                assistant("a"),
                user("q2"),
            ],
            {"tools": "[]"},
        ),
        (
            "sharegpt",
            {
                "conversations": [
                    {"from": "function_call", "value": "{}"},
                    {"from": "observation", "value": "4"},
                ]
            },
            [assistant(None) | {"function_call": "{}"}, {"role": "tool", "content": "4"}],
            {},
        ),
        (
            "sharegpt",
            {"conversations": [{"from": "bob", "value": "x"}]},
            [{"role": "bob", "content": "x"}],
            {},
        ),
        ("sharegpt", {"conversations": [5]}, [5], {}),
        (
            "prompt-completion",
            {"prompt": "q", "completion": "a", "system": "s"},
            [{"role": "system", "content": "s"}, user("q"), assistant("a")],
            {},
        ),
        (
            "prompt-completion",
            {"prompt": "q", "response": "a", "x": 1},
            [user("q"), assistant("a")],
            {"x": 1},
        ),
        (
            "prompt-completion",
            {
                "prompt": [{"role": "system", "content": "s"}, user("q")],
                "completion": [assistant("a")],
            },
            [{"role": "system", "content": "s"}, user("q"), assistant("a")],
            {},
        ),
        ("prompt-completion", {"prompt": "q"}, [user("q")], {}),
    ],
)
def test_a_format_gives_its_messages_and_leaves_the_rest(
    name: Any, row: Row, messages: list[Row], rest: Row
) -> None:
    assert shaped(name, row) == (messages, rest)


@pytest.mark.parametrize(
    ("name", "row", "reason", "detail"),
    [
        ("alpaca", {"output": "o"}, "no messages", "instruction is missing"),
        ("alpaca", {"instruction": 5}, "wrong type", "instruction is a number, expected a string"),
        (
            "alpaca",
            {"instruction": "i", "output": []},
            "wrong type",
            "output is a list, expected a string",
        ),
        ("alpaca", {"instruction": "i", "history": 5}, "wrong type", "history is no list of pairs"),
        (
            "alpaca",
            {"instruction": "i", "history": [["a"]]},
            "wrong type",
            "history is no list of pairs",
        ),
        (
            "alpaca",
            {"instruction": "i", "history": "ab"},
            "wrong type",
            "history is no list of pairs",
        ),
        ("sharegpt", {}, "no messages", "conversations is missing"),
        ("sharegpt", {"conversations": []}, "no messages", ""),
        (
            "sharegpt",
            {"conversations": "x"},
            "wrong type",
            "conversations is a string, expected a list",
        ),
        (
            "sharegpt",
            {"conversations": [{"from": 1}]},
            "wrong type",
            "from is a number, expected a string",
        ),
        (
            "sharegpt",
            {"conversations": [{}], "system": 1},
            "wrong type",
            "system is a number, expected a string",
        ),
        ("prompt-completion", {"completion": "a"}, "no messages", "prompt is missing"),
        (
            "prompt-completion",
            {"prompt": 5, "completion": "a"},
            "wrong type",
            "the user's side is a number, expected text or a list",
        ),
        (
            "prompt-completion",
            {"prompt": "q", "completion": {}},
            "wrong type",
            "the assistant's side is an object, expected text or a list",
        ),
    ],
)
def test_a_row_of_the_wrong_shape_is_refused(name: Any, row: Row, reason: str, detail: str) -> None:
    assert refused(name, row) == (reason, detail)


@pytest.mark.parametrize(
    ("rows", "name"),
    [
        ([], None),
        ([{"text": "x"}], None),
        ([{"messages": []}], "messages"),
        ([{"conversations": []}], "sharegpt"),
        ([{"instruction": "i", "input": ""}], "alpaca"),
        ([{"instruction": "i"}], "alpaca"),
        ([{"prompt": "p", "response": "r"}], "prompt-completion"),
        ([{"prompt": "p", "completion": "c", "messages": []}], "messages"),
        ([{"conversations": []}, {"messages": []}, {"messages": []}], "messages"),
    ],
)
def test_the_format_that_most_rows_have_is_recognised(rows: list[Row], name: str | None) -> None:
    assert recognise(rows) == name
