"""Token states become one vector per text. Weights and sums are float32, whatever comes in."""

from collections.abc import Callable

import torch
from torch import Tensor

from catalog.model import Pooling


def weighted_mean(hidden: Tensor, mask: Tensor) -> Tensor:
    """Pool by position: the i-th of L tokens weighs 2i / (L (L + 1)) (RDS+, arXiv 2503.01807).

    Args:
        hidden: float, shape (batch, tokens, width); the model's last hidden states.
        mask: 0 or 1, shape (batch, tokens); 1 where a token is real, at least once in each row.

    Returns:
        float32, shape (batch, width). Padding has no effect on it, left or right.

    >>> hidden = torch.tensor([[[1.0], [4.0], [9.0]]])
    >>> weighted_mean(hidden, torch.tensor([[1, 1, 0]]))
    tensor([[3.]])
    """
    position = (mask.cumsum(dim=1) * mask).float()
    return _sum(hidden, position / position.sum(dim=1, keepdim=True))


def mean(hidden: Tensor, mask: Tensor) -> Tensor:
    """Pool by the plain mean over real tokens; shapes as for `weighted_mean`.

    >>> mean(torch.tensor([[[1.0], [4.0], [9.0]]]), torch.tensor([[0, 1, 1]]))
    tensor([[6.5000]])
    """
    weight = mask.float()
    return _sum(hidden, weight / weight.sum(dim=1, keepdim=True))


def last_token(hidden: Tensor, mask: Tensor) -> Tensor:
    """Take the state of the last real token; shapes as for `weighted_mean`.

    >>> last_token(torch.tensor([[[1.0], [4.0], [9.0]]]), torch.tensor([[1, 1, 0]]))
    tensor([[4.]])
    """
    last = (mask.cumsum(dim=1) * mask).argmax(dim=1)
    return hidden[torch.arange(len(hidden), device=hidden.device), last].float()


def _sum(hidden: Tensor, weight: Tensor) -> Tensor:
    # Padding may hold anything, NaN too, and 0 · NaN is NaN: it is cleared, not only weighed 0.
    clean = torch.where(weight.unsqueeze(2) > 0, hidden.float(), 0.0)
    return torch.bmm(weight.unsqueeze(1), clean).squeeze(1)


POOLINGS: dict[Pooling, Callable[[Tensor, Tensor], Tensor]] = {
    "weighted_mean": weighted_mean,
    "mean": mean,
    "last_token": last_token,
}
