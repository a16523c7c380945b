"""Messages become the text a model sees, and it stays known where its answers lie."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple

from catalog.model import TemplateName, TextPart

Message = Mapping[str, Any]

DEFINITIONS = {
    "tulu": "<|role|>, newline, content, {eos} if assistant, newline; the whole stripped; "
    "contents stripped, calls as JSON where empty",
    "plain": "contents joined by a newline; contents stripped, calls as JSON where empty",
}
"""What each template does, in words; its hash is part of every space that uses it."""


class Answer(NamedTuple):
    """Where an assistant's turn lies in a text, in characters.

    Attributes:
        opening: where the template's header of the turn begins.
        start: where the header ends and the answer begins.
        end: where the answer ends, its end-of-text token included.
    """

    opening: int
    start: int
    end: int


@dataclass(frozen=True)
class Rendered:
    """A conversation as text.

    Attributes:
        text: as the model sees it.
        answers: where the assistant's turns lie in it, in order.
    """

    text: str
    answers: tuple[Answer, ...]

    def after(self, prefix: str) -> "Rendered":
        """Return it with a prefix put before; an empty text stays empty."""
        if not self.text or not prefix:
            return self
        shift = len(prefix)
        moved = tuple(Answer(*(place + shift for place in answer)) for answer in self.answers)
        return Rendered(prefix + self.text, moved)


class Piece(NamedTuple):
    """A message as text: what leads to the answer, the answer itself, and what follows it.

    A message that is no answer is all `lead`.
    """

    lead: str
    answer: str | None = None
    tail: str = ""


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


def assemble(pieces: Iterable[Piece]) -> Rendered:
    """Join pieces into a text, stripped on both sides; an answer of no text is none."""
    whole, found = "", []
    for piece in pieces:
        start = len(whole) + len(piece.lead)
        if piece.answer:
            found.append(Answer(len(whole), start, start + len(piece.answer)))
        whole += piece.lead + (piece.answer or "") + piece.tail
    text = whole.strip()
    shift = len(whole) - len(whole.lstrip())
    answers = tuple(
        Answer(*(min(max(place - shift, 0), len(text)) for place in answer)) for answer in found
    )
    return Rendered(text, answers)


def tulu(messages: Sequence[Message], eos: str) -> Rendered:
    r"""Render the Tülu template; it ends with the end-of-text token after an answer.

    >>> talk = [{"role": "user", "content": " hi "}, {"role": "assistant", "content": "ho"}]
    >>> tulu(talk, "</s>").text
    '<|user|>\nhi\n<|assistant|>\nho</s>'
    >>> tulu(talk, "</s>").answers
    (Answer(opening=12, start=26, end=32),)
    """
    return assemble(
        Piece(f"<|{message['role']}|>\n", content(message) + eos, "\n")
        if message["role"] == "assistant"
        else Piece(f"<|{message['role']}|>\n{content(message)}\n")
        for message in messages
    )


def plain(messages: Sequence[Message], eos: str) -> Rendered:
    r"""Render contents alone, for sentence encoders.

    >>> talk = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]
    >>> plain(talk, "").text
    'hi\nho'
    """
    return assemble(
        Piece("", content(message), "\n")
        if message["role"] == "assistant"
        else Piece(f"{content(message)}\n")
        for message in messages
    )


TEMPLATES: dict[TemplateName, Callable[[Sequence[Message], str], Rendered]] = {
    "tulu": tulu,
    "plain": plain,
}
