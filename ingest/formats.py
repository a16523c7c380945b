"""The shapes that people keep conversations in, each taken apart into messages and the rest.

Add a format: write a function that takes out of a row what its messages are made of and returns
them (a list of objects with `role` and `content`), leaving every field it has no use for; and list
it in FORMATS with the fields that give it away.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Literal, get_args

from ingest.normalize import Shape
from ingest.parse import Refusal, Row, kind

FormatName = Literal["messages", "alpaca", "sharegpt", "prompt-completion"]

SHAREGPT_ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bard": "assistant",
    "bing": "assistant",
    "model": "assistant",
    "assistant": "assistant",
    "function_call": "assistant",
    "system": "system",
    "developer": "developer",
    "tool": "tool",
    "observation": "tool",
    "function_response": "tool",
    "function": "function",
}


def _text(row: Row, name: str) -> str | None:
    """Take out a field that must be text, None or absent."""
    value = row.pop(name, None)
    if value is not None and not isinstance(value, str):
        raise Refusal("wrong type", f"{name} is {kind(value)}, expected a string")
    return value


def _system(row: Row) -> list[Row]:
    text = _text(row, "system")
    return [{"role": "system", "content": text}] if text else []


def messages(row: Row) -> list[Any]:
    """`messages`: a list of objects with role and content, as most trainers read."""
    found = row.pop("messages", None)
    if found is None:
        raise Refusal(
            "no messages", f"the row's fields: {', '.join(map(repr, row))[:200] or 'none'}"
        )
    if type(found) is not list:
        raise Refusal("wrong type", f"messages is {kind(found)}, expected a list")
    return found


def alpaca(row: Row) -> list[Any]:
    r"""`instruction`, `input`, `output`, with optional `system` and `history` of pairs.

    >>> alpaca({"instruction": "Add.", "input": "1, 2", "output": "3"})[0]["content"]
    'Add.\n\n1, 2'
    """
    instruction, given = _text(row, "instruction"), _text(row, "input")
    if instruction is None:
        raise Refusal("no messages", "instruction is missing")
    turns = _system(row)
    for asked, answered in _pairs(row.pop("history", None)):
        turns += _exchange(asked, answered)
    prompt = f"{instruction}\n\n{given}" if given and given.strip() else instruction
    answer = _text(row, "output")
    return turns + _exchange(prompt, answer)[: 1 if answer is None else 2]


def _exchange(asked: object, answered: object) -> list[Row]:
    return [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]


def _pairs(history: object) -> list[list[Any]]:
    given = [] if history is None else history
    if isinstance(given, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in given):
        return given
    raise Refusal("wrong type", "history is no list of pairs")


def sharegpt(row: Row) -> list[Any]:
    """`conversations`: a list of objects with from and value, with optional `system`."""
    found = row.pop("conversations", None)
    if found is None:
        raise Refusal("no messages", "conversations is missing")
    if not isinstance(found, list):
        raise Refusal("wrong type", f"conversations is {kind(found)}, expected a list")
    if not found:
        raise Refusal("no messages")
    return _system(row) + [_turn(turn) for turn in found]


def _turn(turn: object) -> object:
    if not isinstance(turn, dict) or "from" not in turn:
        return turn
    who, value = turn["from"], turn.get("value")
    if not isinstance(who, str):
        raise Refusal("wrong type", f"from is {kind(who)}, expected a string")
    role = SHAREGPT_ROLES.get(who, who)
    rest = {name: item for name, item in turn.items() if name not in ("from", "value")}
    if who == "function_call":
        return {"role": role, "content": None, "function_call": value, **rest}
    return {"role": role, "content": value, **rest}


def prompt_completion(row: Row) -> list[Any]:
    """`prompt` and `completion` (or `response`), each a text or a list of messages."""
    prompt = row.pop("prompt", None)
    answer = row.pop("completion" if "completion" in row else "response", None)
    if prompt is None:
        raise Refusal("no messages", "prompt is missing")
    turns = _system(row) + _side(prompt, "user")
    return turns if answer is None else turns + _side(answer, "assistant")


def _side(value: object, role: str) -> list[Any]:
    if isinstance(value, list):
        return value
    if not isinstance(value, str):
        raise Refusal("wrong type", f"the {role}'s side is {kind(value)}, expected text or a list")
    return [{"role": role, "content": value}]


FORMATS: dict[FormatName, tuple[Shape, tuple[frozenset[str], ...]]] = {
    "messages": (messages, (frozenset({"messages"}),)),
    "sharegpt": (sharegpt, (frozenset({"conversations"}),)),
    "alpaca": (alpaca, (frozenset({"instruction"}),)),
    "prompt-completion": (
        prompt_completion,
        (frozenset({"prompt"}),),
    ),
}
FORMAT_NAMES: tuple[FormatName, ...] = get_args(FormatName)


def recognise(rows: Iterable[Row]) -> FormatName | None:
    """Return the format that most of these rows have, or None if none has any.

    >>> recognise([{"prompt": "1+1", "completion": "2"}])
    'prompt-completion'
    """
    votes: Counter[FormatName] = Counter()
    for row in rows:
        for name, (_, signs) in FORMATS.items():
            if any(sign <= row.keys() for sign in signs):
                votes[name] += 1
                break
    return votes.most_common(1)[0][0] if votes else None
