"""A model's own chat template, and where the answers lie in what it writes."""

from collections.abc import Sequence
from typing import Any

from catalog.errors import ModelError
from catalog.identity import plain_messages
from ingest.template import Answer, Message, Rendered, content


class ChatTemplate:
    """The template that comes with a tokenizer: a program of the model's."""

    def __init__(self, tokenizer: Any, name: str) -> None:  # noqa: ANN401
        """Find the template.

        Args:
            tokenizer: of transformers.
            name: of the model, for messages.

        Raises:
            ModelError: the tokenizer has none.
        """
        self._tokenizer, self._name = tokenizer, name
        try:
            self.text = str(tokenizer.get_chat_template())
        except ValueError as error:
            raise ModelError(
                f"{name} has no chat template of its own", hint="Use --template tulu or plain."
            ) from error

    def render(self, messages: Sequence[Message], *, opened: bool = False) -> str:
        """Return the text of a conversation.

        Args:
            messages: the conversation.
            opened: end with the header of the assistant's next turn.

        Raises:
            ModelError: the template refuses the conversation.
        """
        try:
            found: str = self._tokenizer.apply_chat_template(
                plain_messages(messages), tokenize=False, add_generation_prompt=opened
            )
        except Exception as error:  # whatever a template raises
            roles = ", ".join(message["role"] for message in messages)
            raise ModelError(
                f"the chat template of {self._name} refuses a conversation of {roles}: {error}",
                hint="Use --template tulu or plain.",
            ) from error
        return found

    def rendered(self, messages: Sequence[Message]) -> Rendered:
        """Return the text of a conversation and where its answers lie.

        An answer that the template hides or rewrites, such as the reasoning of earlier turns, is
        where its content is found; one that is not found is left out.
        """
        whole = self.render(messages)
        found: list[Answer] = []
        for position, message in enumerate(messages):
            if message["role"] == "assistant":
                begun = found[-1].end if found else 0
                if answer := self._answer(whole, messages, position, begun):
                    found.append(answer)
        return Rendered(whole, tuple(found))

    def _answer(
        self, whole: str, messages: Sequence[Message], position: int, begun: int
    ) -> Answer | None:
        before = self._or_nothing(messages[:position])
        asked = self._or_nothing(messages[:position], opened=True)
        through = self._or_nothing(messages[: position + 1])
        if whole.startswith(asked) and whole.startswith(through) and len(asked) < len(through):
            opening = len(before) if asked.startswith(before) else len(asked)
            # What follows the end-of-text token, mostly a line break, belongs to no answer.
            return Answer(opening, len(asked), len(asked) + len(through[len(asked) :].rstrip()))
        text = content(message=messages[position])
        start = whole.find(text, begun) if text else -1
        if start < 0:
            return None
        end = start + len(text)
        eos = self._tokenizer.eos_token or ""
        return Answer(start, start, end + len(eos) * whole.startswith(eos, end))

    def _or_nothing(self, messages: Sequence[Message], *, opened: bool = False) -> str:
        """Return the text of a beginning; nothing where the template refuses to begin so."""
        try:
            return self.render(messages, opened=opened) if messages or opened else ""
        except ModelError:
            return ""
