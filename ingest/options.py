"""How a space is to be made: everything a user may choose, checked before anything is loaded."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

from catalog.errors import InvalidInput
from catalog.model import ComputeDtype, Pooling, StoredDtype, TemplateName, TextPart

DEVICE = r"auto|cpu|cuda(:\d+)?"


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
        device: where to compute: `auto` (a GPU if there is one), `cpu`, `cuda` or `cuda:1`; or
            several of these with commas between, for a process each.
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
    device: str = "auto"
    trust_remote_code: bool = False
    query_prefix: str = ""
    passage_prefix: str = ""

    @property
    def devices(self) -> tuple[str, ...]:
        """Every device that is named."""
        return tuple(self.device.split(","))

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
        }
        for name, choices in closed.items():
            if getattr(self, name) not in choices:
                raise InvalidInput(
                    f"{name} is {getattr(self, name)!r}", hint=f"Choices: {', '.join(choices)}."
                )
        for device in self.devices:
            if not re.fullmatch(DEVICE, device):
                raise InvalidInput(
                    f"device is {self.device!r}",
                    hint="Choices: auto, cpu, cuda, cuda:1; several with commas between.",
                )
        if self.max_tokens < 1:
            raise InvalidInput(
                f"max_tokens is {self.max_tokens}, expected at least 1", hint="The paper uses 2048."
            )
