"""Messages become token ids, and labels on what the assistant says."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from catalog.errors import InvalidInput
from catalog.training.contract import tokenizer_contract

IGNORED = -100
PLAIN = "plain/1"
Message = Mapping[str, Any]
Span = tuple[int, int]


class Encoder:
    """Makes of an example what a causal model is trained on; a `transform` of `SnapshotDataset`.

    The loss is on assistant turns only: what the tokenizer's chat template marks as generated, or
    adds to the prompt that it makes of the turns before. Where there is no template, every turn is
    `<|role|>`, a line break and the content, and those of the assistant end with the end-of-text
    token.

    Args:
        tokenizer: of transformers, a fast one.
        max_tokens: what is beyond is cut off, and counted.
    """

    def __init__(self, tokenizer: Any, max_tokens: int = 2048) -> None:  # noqa: ANN401
        if not getattr(tokenizer, "is_fast", False):
            raise InvalidInput(
                f"{type(tokenizer).__name__} does not tell where its tokens lie in the text",
                hint="Load the tokenizer with AutoTokenizer, which gives the fast one.",
            )
        self.tokenizer, self.max_tokens = tokenizer, max_tokens
        self._templated = bool(tokenizer.chat_template)
        self._tells = bool(re.search(r"\{%-?\s*generation", str(tokenizer.chat_template)))
        self.contract = {
            "max_tokens": max_tokens,
            "template": "chat" if self._templated else PLAIN,
            **tokenizer_contract(tokenizer),
        }

    def __call__(self, example: Mapping[str, Any]) -> dict[str, Any]:
        """Return `input_ids`, `labels` and `attention_mask`, and how many tokens were cut off."""
        messages, tools = example["messages"], example.get("tools")
        if self._tells:
            encoded = self.tokenizer.apply_chat_template(
                messages, tools=tools, return_dict=True, return_assistant_tokens_mask=True
            )
            ids: list[int] = encoded["input_ids"]
            answered = zip(ids, encoded["assistant_masks"], strict=True)
            labels = [token if learned else IGNORED for token, learned in answered]
        else:
            text, spans = (self._chat if self._templated else self._plain)(messages, tools)
            encoded = self.tokenizer(
                text, add_special_tokens=not self._templated, return_offsets_mapping=True
            )
            ids = encoded["input_ids"]
            labels = _labels(ids, encoded["offset_mapping"], spans)
        kept = ids[: self.max_tokens]
        return {
            "input_ids": kept,
            "attention_mask": [1] * len(kept),
            "labels": labels[: self.max_tokens],
            "truncated_tokens": len(ids) - len(kept),
        }

    def reason(self, item: Mapping[str, Any]) -> str | None:
        """Return why an encoded example is not worth training on; None if it is.

        A rule for `SnapshotDataset.leave_out`: `too long` if it was cut, `no loss tokens` if
        nothing of it would be learned.
        """
        if item["truncated_tokens"]:
            return "too long"
        learned = any(label != IGNORED for label in item["labels"][1:])
        return None if learned else "no loss tokens"

    def _plain(self, messages: Sequence[Message], tools: object) -> tuple[str, list[Span]]:
        text, spans = "", []
        for message in messages:
            text += f"<|{message['role']}|>\n"
            start = len(text)
            text += message["content"] or ""
            if message["role"] == "assistant":
                text += self.tokenizer.eos_token or ""
                spans.append((start, len(text)))
            text += "\n"
        return text, spans

    def _chat(self, messages: Sequence[Message], tools: object) -> tuple[str, list[Span]]:
        """Return the template's text, and where answers lie: what each adds to its prompt."""
        whole = self._rendered(messages, tools)
        spans = []
        for place, message in enumerate(messages):
            if message["role"] == "assistant":
                asked = self._rendered(messages[:place], tools, add_generation_prompt=True)
                through = self._rendered(messages[: place + 1], tools)
                if not whole.startswith(asked) or not whole.startswith(through):
                    raise InvalidInput(
                        f"the chat template of {self.tokenizer.name_or_path!r} rewrites earlier "
                        f"turns, so that answer {place} cannot be found in the text",
                        hint="Train with one answer per conversation, or with a template that "
                        "only adds.",
                    )
                answer = through[len(asked) :]
                spans.append((len(asked), len(asked) + len(answer.rstrip())))
        return whole, spans

    def _rendered(self, messages: Sequence[Message], tools: object, **how: bool) -> str:
        text = self.tokenizer.apply_chat_template(
            list(messages), tools=tools, tokenize=False, **how
        )
        return str(text)


def _labels(ids: Sequence[int], offsets: Sequence[Span], spans: Sequence[Span]) -> list[int]:
    """Return the ids of tokens that begin in a span, and -100 for all others.

    >>> _labels([7, 8, 9], [(0, 2), (2, 5), (5, 6)], [(2, 5)])
    [-100, 8, -100]
    """
    labels = [IGNORED] * len(ids)
    waiting = list(reversed(spans))
    for place, (start, end) in enumerate(offsets):
        while waiting and start >= waiting[-1][1]:
            waiting.pop()
        if waiting and start >= waiting[-1][0] and end > start:
            labels[place] = ids[place]
    return labels
