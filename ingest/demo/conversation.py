"""What every part of the demo makes: short conversations, cut at whole sentences."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

ANSWER_CHARACTERS = 240
"""The longest answer: a demo is embedded on two CPU cores while its user waits."""

SYSTEM_PROMPTS = (
    "You are a patient tutor.",
    "Answer briefly and exactly.",
    "You help a beginner; keep to plain words.",
    "Reply with facts only.",
)
SYSTEM_SHARE = 0.05

SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'`(“*_])")


@dataclass(frozen=True)
class Message:
    """One turn, as a row of a JSON lines file holds it."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class Conversation:
    """One sample before it has an id.

    Attributes:
        messages: in order; the last is the assistant's.
        about: what it is about: a dotted name, a section or an expression.
    """

    messages: tuple[Message, ...]
    about: str

    @property
    def prompt(self) -> str:
        """The first thing the user says."""
        return next(message.content for message in self.messages if message.role == "user")

    @property
    def answer(self) -> str:
        """The last thing the assistant says."""
        return self.messages[-1].content

    def row(self, row_id: str, dataset: str) -> Mapping[str, object]:
        """Return the JSON object that a file holds for this conversation."""
        return {
            "id": row_id,
            "dataset": dataset,
            "messages": [{"role": turn.role, "content": turn.content} for turn in self.messages],
            "meta": {"about": self.about},
        }


def exchange(*contents: str, about: str) -> Conversation:
    """Return a conversation of turns said by user and assistant alternately.

    >>> [message.role for message in exchange("2 + 2?", "4.", about="2 + 2").messages]
    ['user', 'assistant']
    """
    turns = tuple(
        Message("assistant" if position % 2 else "user", content)
        for position, content in enumerate(contents)
    )
    return Conversation(turns, about)


def sometimes_with_system(conversation: Conversation, chance: Random) -> Conversation:
    """Return the conversation, one time in twenty opened by a system turn."""
    if chance.random() >= SYSTEM_SHARE:
        return conversation
    system = Message("system", chance.choice(SYSTEM_PROMPTS))
    return replace(conversation, messages=(system, *conversation.messages))


def whole_sentences(text: str, limit: int = ANSWER_CHARACTERS) -> str:
    r"""Return as many leading sentences of `text` as fit in `limit` characters, on one line.

    A last sentence that announces a list (it ends with a colon) is left out, for the list is
    not there. The result is empty where not even the first sentence fits.

    >>> whole_sentences("One is here.  Two is\nlonger. Three is out.", limit=30)
    'One is here. Two is longer.'
    """
    kept: list[str] = []
    for sentence in SENTENCE_END.split(" ".join(text.split())):
        if len(" ".join([*kept, sentence])) > limit:
            break
        kept.append(sentence)
    while kept and kept[-1].endswith(":"):
        kept.pop()
    return " ".join(kept)
