"""A transformers model as an encoder of conversations: vectors, and what every token cost it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from catalog.errors import InvalidInput, ModelError
from catalog.model import EmbeddingSpace
from catalog.vectors import Floats, Kind
from ingest.batching import padded
from ingest.chat import ChatTemplate
from ingest.device import Device, room_for
from ingest.head import Head
from ingest.models import find_model, revision
from ingest.options import EncoderOptions
from ingest.pooling import POOLINGS
from ingest.template import TEMPLATES, Message, Rendered, part, template_hash
from ingest.tokens import Flags, Tokens, tokenize
from ingest.weights import load_weights, sees_backwards_only, token_limit


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
        self._device = Device(options.device)
        self.processor = self._device.processor
        loaded = load_weights(found.place, options, self.processor, head=head)
        self._precision = loaded.precision
        self._tokenizer = loaded.tokenizer
        (loaded.whole or loaded.body).to(self._device.name).eval()
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
            compute_dtype=loaded.dtype,
            stored_dtype=options.store,
            width=0,
            query_prefix=options.query_prefix,
            passage_prefix=options.passage_prefix,
        )
        self._unmasked = False
        self.space = replace(self.space, width=self._width())
        with self._precision:
            self._unmasked = sees_backwards_only(self._model, self._vocabulary)
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
        with self._precision:
            return Head(whole, self._model, self.space.model)

    def _width(self) -> int:
        try:
            return int(self.states([[self._padding]]).hidden.shape[2])
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
    def weights(self) -> int:
        """How many numbers the model has learned."""
        return sum(weight.numel() for weight in self._model.parameters())

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
    def states(self, ids: Sequence[Sequence[int] | npt.NDArray[np.integer[Any]]]) -> States:
        """Run the model once; on a GPU, only tell it to.

        Args:
            ids: token ids of each text, none empty; padded on the right here.

        Raises:
            ModelError: the device has no room, or a token is none of the model's.
        """
        longest = padded(max(map(len, ids)), self.limit)
        whole = np.full((len(ids), longest), self._padding, np.int64)
        for row, text in enumerate(ids):
            whole[row, : len(text)] = text
        if (unknown := int(whole.max())) >= self._vocabulary:
            raise ModelError(
                f"the tokenizer of {self.space.model} gives token {unknown}, the model knows "
                f"{self._vocabulary}",
                hint="Its tokenizer and its weights do not belong together.",
            )
        with room_for(len(ids), longest):
            batch = self._device.send(torch.from_numpy(whole))
            lengths = self._device.send(torch.tensor([len(text) for text in ids]))
            mask = (torch.arange(longest, device=batch.device) < lengths.unsqueeze(1)).long()
            # What follows has no effect on a causal model, and without a mask it is faster there.
            seen = None if self._unmasked else mask
            with self._precision:
                hidden = self._model(input_ids=batch, attention_mask=seen).last_hidden_state
        return States(hidden, batch, mask)

    @torch.inference_mode()
    def vectors(self, states: States) -> Callable[[], tuple[Floats, Floats]]:
        """Begin to pool; what is returned waits for the device, and gives what `encode` does."""
        with room_for(*states.mask.shape):
            pooled = self._pool(states.hidden, states.mask)
            norms = torch.linalg.vector_norm(pooled, dim=1, keepdim=True)
            coming = self._device.fetch(torch.cat([pooled / norms, norms], dim=1))

        def end() -> tuple[Floats, Floats]:
            found: Floats = coming().numpy()
            vectors, lengths = found[:, :-1], found[:, -1]
            if not (np.isfinite(lengths) & (lengths > 0)).all():
                raise ModelError(
                    f"the model gave a vector that is not finite or is zero in "
                    f"{self.space.compute_dtype}",
                    hint="Use --dtype float32 or bfloat16.",
                )
            return vectors, lengths

        return end

    def encode(
        self, ids: Sequence[Sequence[int] | npt.NDArray[np.integer[Any]]]
    ) -> tuple[Floats, Floats]:
        """Return vectors of length 1, float32 (n, width), and their lengths before, float32 (n,).

        Args:
            ids: as for `states`.

        Raises:
            ModelError: a vector is not finite, or is zero; and what `states` raises.
        """
        return self.vectors(self.states(ids))()

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
            chosen = torch.zeros(predicted.shape, dtype=torch.bool)
            for row, flags in enumerate(wanted):
                chosen[row, : len(flags)] = torch.from_numpy(flags)
            predicted = predicted & chosen.to(predicted.device)
        predicted[:, 0] = False
        with room_for(*states.mask.shape), self._precision:
            costs = self._head.nlls(states.hidden[:, :-1][predicted[:, 1:]], states.ids[predicted])
        if not bool(torch.isfinite(costs).all()):
            raise ModelError(
                f"the model gave an NLL that is not finite in {self.space.compute_dtype}",
                hint="Use --dtype float32 or bfloat16.",
            )
        found = torch.full(predicted.shape, torch.nan)
        found[predicted.cpu()] = costs.cpu()
        return found.numpy()
