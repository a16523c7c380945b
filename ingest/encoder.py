"""A transformers model as an encoder of conversations: vectors, and what every token cost it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from catalog.errors import InvalidInput, ModelError
from catalog.model import EmbeddingSpace
from catalog.vectors import Floats, Kind
from ingest.batching import padded
from ingest.chat import ChatTemplate
from ingest.head import Head
from ingest.models import find_model, revision
from ingest.options import EncoderOptions
from ingest.pooling import POOLINGS
from ingest.template import TEMPLATES, Message, Rendered, part, template_hash
from ingest.tokens import Flags, Tokens, tokenize
from ingest.weights import device_and_dtype, load_weights, token_limit


@dataclass(frozen=True)
class States:
    """What one forward pass gave.

    Attributes:
        hidden: last hidden states, (texts, longest, width), in the dtype of the pass.
        ids: int64 (texts, longest), padded on the right.
        mask: int64 (texts, longest): 1 where a token is real.
    """

    hidden: torch.Tensor
    ids: torch.Tensor
    mask: torch.Tensor


class Encoder:
    """A loaded model that turns conversations into vectors of one space."""

    def __init__(self, model: str, options: EncoderOptions, *, head: bool = False) -> None:
        """Load a model, once.

        Args:
            model: a preset, a folder, or a name on the hub.
            options: how to use it.
            head: load its language-model head too, for `nlls`.

        Raises:
            ModelError: it cannot be loaded, is no encoder of text, or lacks what is asked for.
        """
        options.check()
        found = find_model(model)
        self.location = found.location
        self.device, dtype = device_and_dtype(options)
        loaded = load_weights(found.place, dtype, options.trust_remote_code, head=head)
        self._tokenizer = loaded.tokenizer
        (loaded.whole or loaded.body).to(self.device).eval()
        self._model = loaded.body
        self._pool = POOLINGS[options.pooling]
        self._template, self._text = options.template, options.text
        self.limit = token_limit(self._model, loaded.config, self._tokenizer)
        self._require_room(options)
        chat = ChatTemplate(self._tokenizer, found.name) if self._template == "model" else None
        self._chat = chat
        self.space = EmbeddingSpace(
            model=found.name,
            model_revision=revision(found.place, loaded.config),
            template=options.template,
            template_hash=template_hash(options.template, chat.text if chat else None),
            text=options.text,
            pooling=options.pooling,
            layer="last",
            max_tokens=min(options.max_tokens, self.limit),
            compute_dtype=dtype,
            stored_dtype=options.store,
            width=0,
            query_prefix=options.query_prefix,
            passage_prefix=options.passage_prefix,
        )
        self.space = replace(self.space, width=self._width())
        self._head = self._with_head(loaded.whole) if loaded.whole else None

    def _require_room(self, options: EncoderOptions) -> None:
        marks = self._tokenizer.num_special_tokens_to_add()
        prefixes = (options.query_prefix, options.passage_prefix)
        used = [len(self._tokenizer(text, add_special_tokens=False).input_ids) for text in prefixes]
        if options.max_tokens <= marks:
            raise InvalidInput(
                f"max_tokens is {options.max_tokens}, and the tokenizer's own marks take {marks}",
                hint="Leave room for some text.",
            )
        if min(options.max_tokens, self.limit) <= marks + max(used):
            raise InvalidInput(
                f"max_tokens is {min(options.max_tokens, self.limit)}, and the prefix takes "
                f"{max(used)}",
                hint="Leave room for some text.",
            )

    def _with_head(self, whole: torch.nn.Module) -> Head:
        if not self._tokenizer.is_fast:
            raise ModelError(
                f"the tokenizer of {self.space.model} does not tell where its tokens lie in a "
                "text, so answers cannot be told from prompts",
                hint="Score with a model whose tokenizer has a tokenizer.json.",
            )
        return Head(whole, self._model, self.space.model)

    def _width(self) -> int:
        try:
            return int(self._pooled(self.states([[self._padding]])).shape[1])
        except Exception as error:  # whatever a model raises that wants more than text
            raise ModelError(
                f"{self.space.model} gives no hidden states for a text: {error}",
                hint="Give a language model or a sentence encoder.",
            ) from error

    @property
    def _padding(self) -> int:
        """Return any token that the model knows: its state is never looked at."""
        found = self._tokenizer.pad_token_id
        return int(found) if found is not None and found < self._vocabulary else 0

    @property
    def _vocabulary(self) -> int:
        embeddings: Callable[[], Any] = self._model.get_input_embeddings  # type: ignore[assignment]
        return int(embeddings().weight.shape[0])

    @property
    def begins_with(self) -> int | None:
        """The token that begins every text, if the tokenizer has one for that."""
        found: int | None = self._tokenizer.bos_token_id
        return found

    def render(self, messages: Sequence[Message], kind: Kind = "sample") -> str:
        """Return the text of a conversation as this space defines it; empty if it has none.

        Args:
            messages: the conversation.
            kind: whose prefix is put before.

        Raises:
            ModelError: the model's own template refuses the conversation.
        """
        chosen = part(messages, self._text)
        if not chosen:
            return ""
        if self._chat:
            return Rendered(self._chat.render(chosen), ()).after(self._prefix(kind)).text
        return self.rendered(messages, kind).text

    def rendered(self, messages: Sequence[Message], kind: Kind = "sample") -> Rendered:
        """Return the same text, and where the answers lie in it."""
        chosen = part(messages, self._text)
        if not chosen:
            return Rendered("", ())
        if self._chat:
            return self._chat.rendered(chosen).after(self._prefix(kind))
        whole = TEMPLATES[self._template](chosen, self._tokenizer.eos_token or "")
        return whole.after(self._prefix(kind))

    def _prefix(self, kind: Kind) -> str:
        return self.space.query_prefix if kind == "query" else self.space.passage_prefix

    def tokenize(self, texts: Sequence[str], *, places: bool = False) -> Tokens:
        """Return token ids, cut at the space's limit; the lengths are of the whole texts."""
        return self.tokenize_plain(
            texts,
            # A model's own chat template writes the special tokens that it wants.
            marks=self._chat is None,
            places=places,
        )

    def tokenize_plain(
        self,
        texts: Sequence[str],
        *,
        limit: int | None = None,
        marks: bool = True,
        places: bool = False,
    ) -> Tokens:
        """Return token ids of any texts; arguments as for `ingest.tokens.tokenize`."""
        limit = self.space.max_tokens if limit is None else limit
        return tokenize(self._tokenizer, texts, limit, marks=marks, places=places)

    @torch.inference_mode()
    def states(self, ids: Sequence[Sequence[int]]) -> States:
        """Run the model once.

        Args:
            ids: token ids of each text, none empty; padded on the right here.

        Raises:
            ModelError: the device has no room, or a token is none of the model's.
        """
        longest = padded(max(map(len, ids)), self.limit)
        batch = torch.full((len(ids), longest), self._padding)
        mask = torch.zeros((len(ids), longest), dtype=torch.long)
        for row, text in enumerate(ids):
            batch[row, : len(text)] = torch.tensor(text)
            mask[row, : len(text)] = 1
        if (unknown := int(batch.max())) >= self._vocabulary:
            raise ModelError(
                f"the tokenizer of {self.space.model} gives token {unknown}, the model knows "
                f"{self._vocabulary}",
                hint="Its tokenizer and its weights do not belong together.",
            )
        batch, mask = batch.to(self.device), mask.to(self.device)
        with _room_for(len(ids), longest):
            hidden = self._model(input_ids=batch, attention_mask=mask).last_hidden_state
        return States(hidden, batch, mask)

    @torch.inference_mode()
    def _pooled(self, states: States) -> torch.Tensor:
        with _room_for(*states.mask.shape):
            return self._pool(states.hidden, states.mask)

    def vectors(self, states: States) -> tuple[Floats, Floats]:
        """Return vectors of length 1, float32 (n, width), and their lengths before, float32 (n,).

        Raises:
            ModelError: a vector is not finite, or is zero.
        """
        pooled = self._pooled(states)
        norms = torch.linalg.vector_norm(pooled, dim=1)
        if not bool((torch.isfinite(norms) & (norms > 0)).all()):
            raise ModelError(
                f"the model gave a vector that is not finite or is zero in "
                f"{self.space.compute_dtype}",
                hint="Use --dtype float32 or bfloat16.",
            )
        vectors = pooled / norms.unsqueeze(1)
        return vectors.cpu().numpy(), norms.cpu().numpy().astype(np.float32)

    def encode(self, ids: Sequence[Sequence[int]]) -> tuple[Floats, Floats]:
        """Run the model and return what `vectors` does; arguments as for `states`."""
        return self.vectors(self.states(ids))

    @torch.inference_mode()
    def nlls(self, states: States, wanted: Sequence[Flags] | None = None) -> Floats:
        """Return what every token cost, in nats, given those before it, float32 (texts, padded).

        It is NaN where nothing was predicted: a text's first token, padding, what is not wanted.

        Args:
            states: of an encoder with a head.
            wanted: by text, the tokens asked for, bool (tokens,); all if None.

        Raises:
            ModelError: there is no head, no room, or a token's NLL is not finite.
        """
        if self._head is None:
            raise ModelError(f"{self.space.model} was loaded without its head", hint="Load it.")
        predicted = states.mask.bool()
        if wanted is not None:
            chosen = torch.zeros_like(predicted)
            for row, flags in enumerate(wanted):
                chosen[row, : len(flags)] = torch.from_numpy(flags).to(self.device)
            predicted = predicted & chosen
        predicted[:, 0] = False
        with _room_for(*states.mask.shape):
            costs = self._head.nlls(states.hidden[:, :-1][predicted[:, 1:]], states.ids[predicted])
        if not bool(torch.isfinite(costs).all()):
            raise ModelError(
                f"the model gave an NLL that is not finite in {self.space.compute_dtype}",
                hint="Use --dtype float32 or bfloat16.",
            )
        found = torch.full(predicted.shape, torch.nan)
        found[predicted.cpu()] = costs.cpu()
        return found.numpy()


@contextmanager
def _room_for(texts: int, longest: int) -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise ModelError(
            f"the device has no room for {texts} texts of {longest} tokens",
            hint="Use a smaller --batch-tokens; what is stored stays.",
        ) from error
