"""How a space is to be made: everything a user may choose, checked before anything is loaded."""

from dataclasses import dataclass
from typing import Literal, get_args

from catalog.errors import InvalidInput
from catalog.model import ComputeDtype, Pooling, StoredDtype, TemplateName, TextPart

Device = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True)
class EncoderOptions:
    """How a space is to be made.

    Attributes:
        pooling: token states to one vector.
        template: messages to text.
        text: which part of a conversation.
        max_tokens: longer texts are cut on the right; the model's own limit caps it.
        dtype: of the forward pass; `auto` is bfloat16 on a GPU, float32 on a CPU.
        store: dtype of the vectors on disk.
        device: where to compute; `auto` takes a GPU if there is one.
        trust_remote_code: run code that comes with the model.
        query_prefix: put before the text of every query, as some sentence encoders want it.
        passage_prefix: put before the text of every sample.
    """

    pooling: Pooling = "weighted_mean"
    template: TemplateName = "tulu"
    text: TextPart = "conversation"
    max_tokens: int = 2048
    dtype: ComputeDtype | Literal["auto"] = "auto"
    store: StoredDtype = "float16"
    device: Device = "auto"
    trust_remote_code: bool = False
    query_prefix: str = ""
    passage_prefix: str = ""

    def check(self) -> None:
        """Check every value.

        Raises:
            InvalidInput: one is none of its choices.
        """
        closed = {
            "pooling": get_args(Pooling),
            "template": get_args(TemplateName),
            "text": get_args(TextPart),
            "dtype": ("auto", *get_args(ComputeDtype)),
            "store": get_args(StoredDtype),
            "device": get_args(Device),
        }
        for name, choices in closed.items():
            if getattr(self, name) not in choices:
                raise InvalidInput(
                    f"{name} is {getattr(self, name)!r}", hint=f"Choices: {', '.join(choices)}."
                )
        if self.max_tokens < 1:
            raise InvalidInput(
                f"max_tokens is {self.max_tokens}, expected at least 1", hint="The paper uses 2048."
            )
