"""A very small Llama, trained for the demo on snapshots, with the ledger on."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import ByteLevelBPETokenizer
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from catalog.ledger import Ledger
from catalog.training import Example, SnapshotDataset

VOCABULARY = 2048
MAX_TOKENS = 192
BATCH_SAMPLES = 16
WARM_LEARNING_RATE = 3e-3
LEARNING_RATE = 1e-3
IGNORED = -100
Messages = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Item:
    """A conversation as the model is trained on it: ids, and labels on the answers only."""

    ids: list[int]
    labels: list[int]

    @property
    def loss_tokens(self) -> int:
        """How many tokens the model learns to predict; the first is predicted by nothing."""
        return sum(label != IGNORED for label in self.labels[1:])


class Tokenizer:
    """A byte-level BPE tokenizer trained on the texts at hand."""

    def __init__(self, conversations: Sequence[Messages]) -> None:
        self._bpe = ByteLevelBPETokenizer()
        self._bpe.train_from_iterator(
            (message["content"] for talk in conversations for message in talk),
            vocab_size=VOCABULARY,
            special_tokens=["<end>"],
            show_progress=False,
        )
        self.size: int = self._bpe.get_vocab_size()

    def item(self, conversation: Messages) -> Item:
        """Return a conversation's ids; only assistant turns are learned."""
        ids: list[int] = []
        labels: list[int] = []
        for message in conversation:
            head = self._bpe.encode(f"<|{message['role']}|>\n").ids
            body = [*self._bpe.encode(message["content"]).ids, 0]
            learned = message["role"] == "assistant"
            ids += head + body
            labels += [IGNORED] * len(head) + (body if learned else [IGNORED] * len(body))
        return Item(ids[:MAX_TOKENS], labels[:MAX_TOKENS])


def new_model(vocabulary: int, seed: int) -> LlamaForCausalLM:
    """Return an untrained model of half a million parameters."""
    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=96,
            intermediate_size=256,
            num_hidden_layers=3,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=MAX_TOKENS,
            tie_word_embeddings=True,
        )
    )


def batch(items: Sequence[Item]) -> tuple[Tensor, Tensor, Tensor]:
    """Pad items on the right: ids, attention mask, labels; each (samples, tokens)."""
    longest = max(len(item.ids) for item in items)
    ids = torch.zeros((len(items), longest), dtype=torch.long)
    mask = torch.zeros_like(ids)
    labels = torch.full_like(ids, IGNORED)
    for row, item in enumerate(items):
        ids[row, : len(item.ids)] = torch.tensor(item.ids)
        mask[row, : len(item.ids)] = 1
        labels[row, : len(item.labels)] = torch.tensor(item.labels)
    return ids, mask, labels


def _orders(size: int, seed: int) -> Iterator[tuple[int, list[int]]]:
    """Give batches of positions for ever, every epoch in another order."""
    epoch = 0
    while True:
        generator = torch.Generator().manual_seed(seed * 1000 + epoch)
        order = torch.randperm(size, generator=generator).tolist()
        for start in range(0, size, BATCH_SAMPLES):
            yield epoch, order[start : start + BATCH_SAMPLES]
        epoch += 1


def train(
    model: LlamaForCausalLM,
    tokenizer: Tokenizer,
    data: SnapshotDataset,
    *,
    token_budget: int,
    seed: int,
    ledger: Ledger | None,
    learning_rate: float = LEARNING_RATE,
) -> int:
    """Train until the budget of tokens is used up, and return how many steps that took.

    Every step appends what it is shown to the ledger: that is all it takes.
    """
    examples: list[Example] = [data[position] for position in range(len(data))]
    items = [tokenizer.item(example["messages"]) for example in examples]
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate)
    model.train()
    used = 0
    for step, (epoch, positions) in enumerate(_orders(len(items), seed), 1):
        if ledger:
            ledger.record(
                [examples[position]["content_hash"] for position in positions],
                step=step,
                epoch=epoch,
                dataset_position=positions,
                tokens=[len(items[position].ids) for position in positions],
                loss_tokens=[items[position].loss_tokens for position in positions],
            )
        ids, mask, labels = batch([items[position] for position in positions])
        loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        done = min(used / token_budget, 1.0)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * (0.05 + 0.95 * (1 + math.cos(math.pi * done)) / 2)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        used += int(mask.sum())
        if used >= token_budget:
            return step
    raise AssertionError("batches never end")


@torch.inference_mode()
def mean_loss(model: LlamaForCausalLM, items: Sequence[Item]) -> float:
    """Return the mean loss per answer token, in nats."""
    model.eval()
    total = tokens = 0.0
    for start in range(0, len(items), BATCH_SAMPLES):
        ids, mask, labels = batch(items[start : start + BATCH_SAMPLES])
        count = int((labels[:, 1:] != IGNORED).sum())
        total += float(model(input_ids=ids, attention_mask=mask, labels=labels).loss) * count
        tokens += count
    return total / tokens
