"""The paper's scripts a second time, slowly: one text at a time, Python lists, nothing of ours.

Templates, truncation, weights, norms and the walk are written out from the paper and its scripts;
the catalog is compared with what this gives.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

Message = dict[str, str]
Lists = list[list[int]]
Taken = tuple[int, float]
"""A sample that was taken, and the score it was taken for."""


def render(messages: Sequence[Message], end: str) -> str:
    """Write a conversation in the Tülu template."""
    text = ""
    for message in messages:
        content = message["content"].strip()
        if message["role"] == "assistant":
            text += "<|assistant|>\n" + content + end + "\n"
        else:
            text += "<|" + message["role"] + "|>\n" + content + "\n"
    return text.strip()


class Official:
    """A model as the scripts use it: float32, one text at a time, never padded.

    Args:
        folder: of the model.
        max_tokens: longer texts are cut on the right.
    """

    def __init__(self, folder: Path, max_tokens: int = 2048) -> None:
        from transformers import AutoModel, AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
        self.max_tokens = max_tokens

    def ids(self, messages: Sequence[Message]) -> list[int]:
        """Return the tokens of a conversation, cut."""
        text = render(messages, self.tokenizer.eos_token)
        found: list[int] = self.tokenizer(text)["input_ids"][: self.max_tokens]
        return found

    def pooled(self, ids: Sequence[int]) -> np.ndarray:
        """Return Σ 2i / (L (L + 1)) · h_i of a text, float64 (width,)."""
        with torch.inference_mode():
            states = self.model(torch.tensor([list(ids)])).last_hidden_state[0].double().numpy()
        length = len(ids)
        return sum(  # type: ignore[return-value]
            2 * i / (length * (length + 1)) * state for i, state in enumerate(states, start=1)
        )

    def vectors(self, talks: Sequence[Sequence[Message]]) -> np.ndarray:
        """Return the vectors of conversations, made 1 long, float64 (n, width)."""
        pooled = np.array([self.pooled(self.ids(talk)) for talk in talks])
        return np.array([vector / np.sqrt((vector**2).sum()) for vector in pooled])


def best_per_task(scores: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """Return each task's best score per sample, (tasks, samples), of (queries, samples)."""
    ends = np.cumsum(sizes)
    return np.array(
        [scores[end - size : end].max(axis=0) for end, size in zip(ends, sizes, strict=True)]
    )


def sorted_lists(scores: np.ndarray, keys: Sequence[int]) -> Lists:
    """Return every row's samples, best first; the smaller key goes first where scores are equal."""
    return [sorted(range(len(row)), key=lambda place: (-row[place], keys[place])) for row in scores]


def round_robin(
    scores: np.ndarray, sizes: Sequence[int], keys: Sequence[int], size: int
) -> list[Taken]:
    """Pop from each list in turn until there are enough; a sample taken before uses up the turn.

    Args:
        scores: (queries, samples), one task's queries after another's.
        sizes: how many queries each task has; the lists are one task's queries, or several tasks.
        keys: of the samples, to break ties.
        size: samples to take, no more than there are.
    """
    turns = scores if len(sizes) == 1 else best_per_task(scores, sizes)
    lists = sorted_lists(turns, keys)
    taken: dict[int, float] = {}
    while len(taken) < size:
        for number, ranked in enumerate(lists):
            sample = ranked.pop(0)
            if sample not in taken:
                taken[sample] = float(turns[number, sample])
            if len(taken) >= size:
                break
    return list(taken.items())


def mean_max(
    scores: np.ndarray, sizes: Sequence[int], keys: Sequence[int], size: int
) -> list[Taken]:
    """Take the highest means over one task's queries, or over several tasks; as `round_robin`."""
    turns = scores if len(sizes) == 1 else best_per_task(scores, sizes)
    return _highest(turns.mean(axis=0), keys, size)


def global_max(
    scores: np.ndarray, sizes: Sequence[int], keys: Sequence[int], size: int
) -> list[Taken]:
    """Take the highest scores over all queries of all tasks; arguments as for `round_robin`."""
    return _highest(scores.max(axis=0), keys, size)


def _highest(values: np.ndarray, keys: Sequence[int], size: int) -> list[Taken]:
    [ranked] = sorted_lists(values[None], keys)
    return [(sample, float(values[sample])) for sample in ranked[:size]]


Rule = Callable[[np.ndarray, Sequence[int], Sequence[int], int], list[Taken]]

RULES: dict[str, Rule] = {
    "round_robin": round_robin,
    "mean_max": mean_max,
    "global_max": global_max,
}
"""Rules by the name that `catalog select --method` knows."""
