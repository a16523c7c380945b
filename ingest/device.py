"""Where a model computes, and how numbers get there and back without anybody waiting for it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor

from catalog.errors import InvalidInput, ModelError

Processor = Literal["cpu", "cuda"]


class Device:
    """One processor that computes.

    Attributes:
        name: as torch has it, such as `cpu` or `cuda:1`.
        processor: what kind it is.
    """

    def __init__(self, name: str) -> None:
        """Find a device.

        Args:
            name: `cpu`, `cuda` or `cuda:N`; `auto` takes a GPU if there is one.

        Raises:
            InvalidInput: there is none of that name here.
        """
        if "," in name:
            raise InvalidInput(f"{name!r} are several devices, one is wanted", hint="Name one.")
        there = torch.cuda.device_count() if torch.cuda.is_available() else 0
        self.name = ("cuda" if there else "cpu") if name == "auto" else name
        self.processor: Processor = "cuda" if self.name.startswith("cuda") else "cpu"
        if self.processor == "cpu":
            return
        if not there:
            raise InvalidInput(
                f"device is {name!r}, and there is no CUDA device here", hint="Use --device cpu."
            )
        if int(self.name.partition(":")[2] or 0) >= there:
            raise InvalidInput(
                f"there is no device {self.name!r} here, there are {there}",
                hint=f"Choices: {', '.join(f'cuda:{number}' for number in range(there))}.",
            )

    def send(self, given: Tensor) -> Tensor:
        """Begin to copy a tensor of this machine's memory to the device, and return it there."""
        if self.processor == "cpu":
            return given
        return given.pin_memory().to(self.name, non_blocking=True)

    def fetch(self, made: Tensor) -> Callable[[], Tensor]:
        """Begin to copy a tensor from the device; what is returned waits for it and gives it."""
        if self.processor == "cpu":
            return lambda: made
        here = torch.empty(made.shape, dtype=made.dtype, pin_memory=True)
        here.copy_(made, non_blocking=True)
        done = torch.cuda.Event()  # type: ignore[no-untyped-call]
        done.record(torch.cuda.current_stream(made.device))

        def wait() -> Tensor:
            done.synchronize()
            return here

        return wait


@contextmanager
def room_for(texts: int, longest: int) -> Iterator[None]:
    """Say what to do when a device has no room for a batch."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise ModelError(
            f"the device has no room for {texts} texts of {longest} tokens",
            hint="Use a smaller --batch-tokens; what is stored stays.",
        ) from error
