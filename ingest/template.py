"""Messages become the text a model sees."""

import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from catalog.model import TemplateName, TextPart

Message = Mapping[str, Any]

DEFINITIONS = {
    "tulu": "<|role|>, newline, content, {eos} if assistant, newline; the whole stripped; "
    "contents stripped, calls as JSON where empty",
    "plain": "contents joined by a newline; contents stripped, calls as JSON where empty",
}
"""What each template does, in words; its hash is part of every space that uses it."""


def template_hash(name: TemplateName, model_template: str | None = None) -> str:
    """Return the hash of a template's definition; `model` means the tokenizer's own."""
    text = DEFINITIONS.get(name, model_template or "")
    return sha256(text.encode()).hexdigest()[:16]


def part(messages: Sequence[Message], text: TextPart) -> Sequence[Message]:
    """Return the messages of a part: all, those before the last answer, or the last answer.

    >>> talk = [{"role": "user", "content": "1+1"}, {"role": "assistant", "content": "2"}]
    >>> [message["content"] for message in part(talk, "prompt")]
    ['1+1']
    """
    if text == "conversation":
        return messages
    answers = [i for i, message in enumerate(messages) if message["role"] == "assistant"]
    last = answers[-1] if answers else len(messages)
    return messages[:last] if text == "prompt" else messages[last : last + 1]


def content(message: Message) -> str:
    """Return a message's content, stripped, or its tool calls as JSON where that is empty."""
    if text := (message["content"] or "").strip():
        return str(text)
    extra = json.loads(message.get("extra") or "{}")
    calls = extra.get("tool_calls") or extra.get("function_call")
    # Keys sorted: the same sample may have come with its keys in another order elsewhere.
    return json.dumps(calls, ensure_ascii=False, sort_keys=True) if calls else ""


def tulu(messages: Sequence[Message], eos: str) -> str:
    r"""Render the Tülu template; it ends with the end-of-text token after an answer.

    >>> tulu([{"role": "user", "content": " hi "}, {"role": "assistant", "content": "ho"}], "</s>")
    '<|user|>\nhi\n<|assistant|>\nho</s>'
    """
    lines = [
        f"<|{message['role']}|>\n{content(message)}"
        + (eos if message["role"] == "assistant" else "")
        + "\n"
        for message in messages
    ]
    return "".join(lines).strip()


def plain(messages: Sequence[Message], eos: str) -> str:
    r"""Render contents alone, for sentence encoders.

    >>> plain([{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}], "")
    'hi\nho'
    """
    return "\n".join(content(message) for message in messages).strip()


TEMPLATES: dict[TemplateName, Callable[[Sequence[Message], str], str]] = {
    "tulu": tulu,
    "plain": plain,
}
