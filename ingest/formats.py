"""The shapes that people keep conversations in, each taken apart into messages and the rest.

Add a format: write a function that takes a row and returns its messages (a list of objects with
`role` and `content`) and a new dictionary with every field it did not use, and list it in FORMATS
with the fields that give it away.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Literal, cast, get_args

from ingest.normalize import Refusal, Row, Shape

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


def _without(row: Row, *names: str) -> Row:
    return {key: value for key, value in row.items() if key not in names}


def _text(row: Row, name: str) -> str | None:
    """Return a field that must be text, None or absent."""
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise Refusal("wrong type", f"{name} is no text")
    return value


def _system(row: Row) -> list[Row]:
    text = _text(row, "system")
    return [{"role": "system", "content": text}] if text else []


def messages(row: Row) -> tuple[list[Any], Row]:
    """`messages`: a list of objects with role and content, as most trainers read."""
    found = row.get("messages")
    if found is None:
        raise Refusal("no messages", f"fields: {', '.join(map(str, row))[:200]}")
    return cast("list[Any]", found), _without(row, "messages")


def alpaca(row: Row) -> tuple[list[Any], Row]:
    r"""`instruction`, `input`, `output`, with optional `system` and `history` of pairs.

    >>> alpaca({"instruction": "Add.", "input": "1, 2", "output": "3"})[0][0]["content"]
    'Add.\\n\\n1, 2'
    """
    instruction, given = _text(row, "instruction"), _text(row, "input")
    if instruction is None:
        raise Refusal("no messages", "instruction is missing")
    turns = _system(row)
    for pair in row.get("history") or []:
        if not (isinstance(pair, list) and len(pair) == 2):
            raise Refusal("wrong type", "history is no list of pairs")
        turns += [{"role": "user", "content": pair[0]}, {"role": "assistant", "content": pair[1]}]
    prompt = f"{instruction}\n\n{given}" if given and given.strip() else instruction
    turns.append({"role": "user", "content": prompt})
    if (answer := _text(row, "output")) is not None:
        turns.append({"role": "assistant", "content": answer})
    return turns, _without(row, "instruction", "input", "output", "system", "history")


def sharegpt(row: Row) -> tuple[list[Any], Row]:
    """`conversations`: a list of objects with from and value, with optional `system`."""
    found = row.get("conversations")
    if found is None:
        raise Refusal("no messages", "conversations is missing")
    if not isinstance(found, list):
        raise Refusal("wrong type", "conversations is no list")
    return _system(row) + [_turn(turn) for turn in found], _without(row, "conversations", "system")


def _turn(turn: object) -> Row:
    if not isinstance(turn, dict):
        raise Refusal("wrong type", "a turn is no object")
    if "from" not in turn:
        return turn
    who, value = turn["from"], turn.get("value")
    if not isinstance(who, str):
        raise Refusal("wrong type", "from is no text")
    role = SHAREGPT_ROLES.get(who, who)
    rest = _without(turn, "from", "value")
    if who == "function_call":
        return {"role": role, "content": None, "function_call": value, **rest}
    return {"role": role, "content": value, **rest}


def prompt_completion(row: Row) -> tuple[list[Any], Row]:
    """`prompt` and `completion` (or `response`), each a text or a list of messages."""
    name = "completion" if "completion" in row else "response"
    prompt, answer = row.get("prompt"), row.get(name)
    if prompt is None:
        raise Refusal("no messages", "prompt is missing")
    turns = _system(row) + _side(prompt, "user")
    if answer is not None:
        turns += _side(answer, "assistant")
    return turns, _without(row, "prompt", name, "system")


def _side(value: object, role: str) -> list[Any]:
    if isinstance(value, list):
        return value
    if not isinstance(value, str):
        raise Refusal("wrong type", f"the {role}'s side is neither text nor a list")
    return [{"role": role, "content": value}]


FORMATS: dict[FormatName, tuple[Shape, tuple[frozenset[str], ...]]] = {
    "messages": (messages, (frozenset({"messages"}),)),
    "sharegpt": (sharegpt, (frozenset({"conversations"}),)),
    "alpaca": (alpaca, (frozenset({"instruction", "output"}), frozenset({"instruction", "input"}))),
    "prompt-completion": (
        prompt_completion,
        (frozenset({"prompt", "completion"}), frozenset({"prompt", "response"})),
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
