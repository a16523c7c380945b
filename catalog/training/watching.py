"""What enters a model: seen at its door, so that only what it really learns from is recorded."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, NamedTuple

import torch

from catalog.ledger import Ledger
from catalog.training.carrying import EMPTY, KEY, unstacked
from catalog.training.collating import IGNORED
from catalog.training.loop import NAMELESS_REASON

DIGEST_BYTES = 16


class Watch:
    """Records the batches that go through a model's forward pass with gradients.

    Batches carry the key that `LedgerCollator` put there; it is taken out before the model sees
    them. Evaluation, and anything else without gradients, is not recorded.

    Args:
        step: tells which optimizer step a forward pass belongs to.
        digest_every: of how many steps one gets a digest; 0 of none.
    """

    def __init__(self, step: Callable[[], int], digest_every: int = 0) -> None:
        self.ledger: Ledger | None = None
        self.epoch = self.batch = 0
        self.real_rows: Callable[[int], int] | None = None
        self._step, self._digest_every = step, digest_every
        self._digest: Any = None
        self._watched: Any = None
        self._underway: list[_Pass] = []

    def stand_at(self, model: Any) -> None:  # noqa: ANN401
        """Look at what enters a model from now on."""
        if model is not None and model is not self._watched:
            model.register_forward_pre_hook(self._enter, prepend=True, with_kwargs=True)
            self._watched = model

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def _enter(
        self,
        model: Any,  # noqa: ANN401
        inputs: tuple[Any, ...],
        named: dict[str, Any],
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        learns = self.ledger is not None and model.training and torch.is_grad_enabled()
        if KEY not in named:
            if learns and model is self._watched:  # within another it has been seen already
                self._miss(_rows(named), self._step())
                self.batch += 1
            return inputs, named
        named = {**named}
        carried = named.pop(KEY)
        if learns:
            step = self._step()
            self._record()  # what came back from the device meanwhile
            self._underway.append(_Pass(*_fetched(carried), step, self.epoch, self.batch))
            if carried.device.type == "cpu":
                self._record()
            self.batch += 1
            if self._digest_every and step % self._digest_every == 0:
                self._digest = _digested(self._digest, named)
        return inputs, named

    def _record(self) -> None:
        for seen in self._underway:
            if seen.fetched is not None:
                seen.fetched.synchronize()
            words = seen.carried.numpy()
            if self.real_rows is not None:
                repeated = words[self.real_rows(seen.batch) :, :, -1]
                repeated[repeated > EMPTY] = 1
            known = unstacked(words)
            if self.ledger is not None:
                self.ledger.record(
                    known.content_hashes, step=seen.step, epoch=seen.epoch, **known.told
                )
            if known.nameless:
                self._miss(known.nameless, seen.step)
        self._underway.clear()

    def _miss(self, exposures: int, step: int) -> None:
        if self.ledger is not None:
            self.ledger.miss(exposures, step=step, reason=NAMELESS_REASON)

    def end_step(self, step: int, *, applied: bool, reason: str | None) -> None:
        """Say that an optimizer step is over, and whether it changed the model."""
        if self.ledger is not None:
            self._record()
            digest = self._digest.digest() if self._digest else None
            self.ledger.end_step(step, applied=applied, reason=reason, digest=digest)
        self._digest = None

    def close(self) -> None:
        """Write what is left; a step cut short stays without an end."""
        if self.ledger is not None:
            self._record()
            self.ledger.close()
        self.ledger = self._digest = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Let a model that is watched be copied or saved; nobody watches the copy."""
        return Watch, (_no_step,)


def _no_step() -> int:
    return 0


def _rows(named: dict[str, Any]) -> int:
    """Return how many rows a batch has, 1 if nothing tells."""
    ids = named.get("input_ids", named.get("inputs_embeds"))
    return len(ids) if ids is not None else 1


class _Pass(NamedTuple):
    """A forward pass: what it carried, when that has come from the device, and what it was of."""

    carried: torch.Tensor
    fetched: Any
    step: int
    epoch: int
    batch: int


def _fetched(carried: torch.Tensor) -> tuple[torch.Tensor, Any]:
    """Bring a tensor to this machine's memory without making anybody wait for it.

    Returns:
        the tensor, and the event after which it may be read; None if it may at once.
    """
    if carried.device.type != "cuda":
        return carried.cpu(), None
    host = carried.to("cpu", non_blocking=True)
    event = torch.cuda.Event()  # type: ignore[no-untyped-call]
    event.record()
    return host, event


def _digested(digest: Any, named: dict[str, Any]) -> Any:  # noqa: ANN401
    """Add a forward pass to a digest: its token ids and which of them have a loss."""
    digest = digest or blake2b(digest_size=DIGEST_BYTES)
    ids, labels = named.get("input_ids"), named.get("labels")
    if ids is not None:
        digest.update(ids.to(torch.int64).cpu().contiguous().numpy().tobytes())
    if labels is not None:
        digest.update((labels != IGNORED).cpu().contiguous().numpy().tobytes())
    return digest
