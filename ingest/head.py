"""A language model's head on given hidden states: what every token cost, a few tokens at a time.

Families differ in what they do between the last hidden state and the logits: Gemma 2 caps them,
Cohere and Granite scale them. None of that is written down here. The model's own forward pass is
run with its body standing aside, so each family's own code makes the logits; a trial at loading
compares them with the model's.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from catalog.errors import ModelError

CHUNK_LOGITS = {"cpu": 1 << 24, "cuda": 1 << 27}
"""Logits held at a time: 64 MiB in float32 on a CPU, 512 MiB on a GPU; of a vocabulary of 128,000
the logits of 131 and of 1,048 tokens. The C library gives blocks beyond 32 MiB back at once;
smaller ones it keeps, and a process grew by a gigabyte."""

TRIAL_TOKENS = 8


class Head:
    """What follows the body of a causal language model."""

    def __init__(self, whole: torch.nn.Module, body: torch.nn.Module, name: str) -> None:
        """Take a model apart, and try whether it was done right.

        Args:
            whole: the model with its head; on its device, in its dtype.
            body: its part that gives hidden states, (batch, tokens, width).
            name: of the model, for messages.

        Raises:
            ModelError: the model sees later tokens, or its logits cannot be had from its states.
        """
        self._whole, self._body = whole, body
        self._device = next(whole.parameters()).device
        embeddings: Any = whole.get_input_embeddings
        self._vocabulary = int(embeddings().weight.shape[0])
        try:
            self._try(name)
        except ModelError:
            raise
        except Exception as error:  # a model's code raises anything
            raise _unusable(name, str(error) or repr(error)) from error

    @torch.inference_mode()
    def _try(self, name: str) -> None:
        vocabulary = self._vocabulary
        ids = torch.linspace(1, vocabulary - 1, TRIAL_TOKENS).long().repeat(2, 1)
        ids[1, -1] = vocabulary // 2
        ids, mask = ids.to(self._device), torch.ones_like(ids, device=self._device)
        states = self._body(input_ids=ids, attention_mask=mask).last_hidden_state
        if not _near(states[0, :-1], states[1, :-1]):
            raise ModelError(
                f"{name} sees the tokens that follow, so it gives no NLL",
                hint="Score with a causal language model, such as the one to be tuned.",
            )
        self._callee, self._answer = self._find_callee(ids[:1])
        wanted = self._whole(input_ids=ids, attention_mask=mask).logits[0]
        if not _near(self.logits(states[0]), wanted):
            raise _unusable(name, "its logits do not follow from its last hidden states")

    def _find_callee(self, ids: Tensor) -> tuple[torch.nn.Module, Callable[..., Any]]:
        """Return the part that the whole itself calls, and the type of what it gives back."""
        find: Any = getattr(self._body, "get_decoder", lambda: self._body)
        inner: torch.nn.Module = find()
        for part in dict.fromkeys((self._body, inner)):
            given: list[Any] = []
            hook = part.register_forward_hook(lambda *call, given=given: given.append(call[2]))
            try:
                self._whole(input_ids=ids)
            finally:
                hook.remove()
            if given:
                return part, type(given[0])
        raise LookupError("the model calls no body of its own")

    @contextmanager
    def _standing_aside(self, states: Tensor) -> Iterator[None]:
        """Let the body answer with given states, (1, tokens, width), while the block runs."""
        self._callee.forward = lambda *_, **__: self._answer(last_hidden_state=states)
        try:
            yield
        finally:
            del self._callee.forward  # the class's own shows through again

    def logits(self, states: Tensor) -> Tensor:
        """Return the model's own logits, (tokens, vocabulary), of states, (tokens, width)."""
        with self._standing_aside(states.unsqueeze(0)):
            ids = torch.zeros((1, len(states)), dtype=torch.long, device=states.device)
            logits: Tensor = self._whole(input_ids=ids).logits[0]
        return logits

    def nlls(self, states: Tensor, targets: Tensor) -> Tensor:
        """Return the negative log-likelihood of each token, in nats, float32 (tokens,).

        Args:
            states: (tokens, width): the last hidden state before each token.
            targets: (tokens,): the tokens themselves.
        """
        size = max(1, CHUNK_LOGITS[states.device.type] // self._vocabulary)
        found = torch.empty(len(targets), device=states.device)
        for start in range(0, len(targets), size):
            some = slice(start, start + size)
            found[some] = torch.nn.functional.cross_entropy(
                self.logits(states[some]).float(), targets[some], reduction="none"
            )
        return found


def _near(found: Tensor, expected: Tensor) -> bool:
    """Tell whether two tensors agree but for rounding in their dtype."""
    share = 1e-4 if expected.dtype == torch.float32 else 2e-2
    apart = (found.float() - expected.float()).abs().max()
    return bool(apart <= share * expected.float().abs().max().clamp(min=1e-3))


def _unusable(name: str, reason: str) -> ModelError:
    return ModelError(
        f"the logits of {name} cannot be computed piece by piece: {reason.splitlines()[0]}",
        hint="Score with another causal language model; `catalog embed` without --nll works.",
    )
