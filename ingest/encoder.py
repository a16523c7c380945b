"""A transformers model as an encoder of conversations: the only file that imports transformers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import torch
from transformers import AutoConfig, AutoModel, AutoTokenizer, logging

from catalog.errors import InvalidInput, ModelError
from catalog.identity import plain_messages
from catalog.model import ComputeDtype, EmbeddingSpace, Pooling, StoredDtype, TemplateName, TextPart
from catalog.vectors import Floats
from ingest.models import PRESETS, find_model, revision
from ingest.pooling import POOLINGS
from ingest.template import TEMPLATES, Message, part, template_hash
from ingest.tokens import Tokens, tokenize

Device = Literal["auto", "cpu", "cuda"]
UNLIMITED = 1 << 30


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
    """

    pooling: Pooling = "weighted_mean"
    template: TemplateName = "tulu"
    text: TextPart = "conversation"
    max_tokens: int = 2048
    dtype: ComputeDtype | Literal["auto"] = "auto"
    store: StoredDtype = "float16"
    device: Device = "auto"
    trust_remote_code: bool = False

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
        if self.device == "cuda" and not torch.cuda.is_available():
            raise InvalidInput("there is no CUDA device here", hint="Use --device cpu.")


class Encoder:
    """A loaded model that turns conversations into vectors of one space."""

    def __init__(self, model: str, options: EncoderOptions) -> None:
        """Load a model.

        Args:
            model: a preset, a folder, or a name on the hub.
            options: how to use it.

        Raises:
            ModelError: it cannot be loaded, or is no encoder of text.
        """
        options.check()
        found = find_model(model)
        self.location = found.location
        self.device, dtype = _device_and_dtype(options)
        config, self._tokenizer, whole = _load(found.place, dtype, options.trust_remote_code)
        encoder = whole.get_encoder() if config.is_encoder_decoder else whole
        self._model = encoder.to(self.device).eval()
        self._pool = POOLINGS[options.pooling]
        self._template, self._text = options.template, options.text
        self.limit = _limit(self._model, config, self._tokenizer)
        marks = self._tokenizer.num_special_tokens_to_add()
        if options.max_tokens <= marks:
            raise InvalidInput(
                f"max_tokens is {options.max_tokens}, and the tokenizer's own marks take {marks}",
                hint="Leave room for some text.",
            )
        self.space = EmbeddingSpace(
            model=found.name,
            model_revision=revision(found.place, config),
            template=options.template,
            template_hash=template_hash(options.template, self._chat_template(found.name)),
            text=options.text,
            pooling=options.pooling,
            layer="last",
            max_tokens=min(options.max_tokens, self.limit),
            compute_dtype=dtype,
            stored_dtype=options.store,
            width=0,
        )
        self.space = replace(self.space, width=self._width())

    def _chat_template(self, name: str) -> str | None:
        if self._template != "model":
            return None
        try:
            return str(self._tokenizer.get_chat_template())
        except ValueError as error:
            raise ModelError(
                f"{name} has no chat template of its own", hint="Use --template tulu or plain."
            ) from error

    def _width(self) -> int:
        try:
            return int(self._pooled([[self._padding]]).shape[1])
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
        return int(self._model.get_input_embeddings().weight.shape[0])

    def render(self, messages: Sequence[Message]) -> str:
        """Return the text of a conversation as this space defines it; empty if it has none.

        Raises:
            ModelError: the model's own template refuses the conversation.
        """
        chosen = part(messages, self._text)
        if not chosen:
            return ""
        if self._template != "model":
            return TEMPLATES[self._template](chosen, self._tokenizer.eos_token or "")
        try:
            return str(self._tokenizer.apply_chat_template(plain_messages(chosen), tokenize=False))
        except Exception as error:  # a template is a program of the model's
            roles = ", ".join(message["role"] for message in chosen)
            raise ModelError(
                f"the chat template of {self.space.model} refuses a conversation of {roles}: "
                f"{error}",
                hint="Use --template tulu or plain.",
            ) from error

    def tokenize(self, texts: Sequence[str]) -> Tokens:
        """Return token ids, cut at the space's limit; the lengths are of the whole texts."""
        # A model's own chat template writes the special tokens that it wants.
        marks = self._template != "model"
        return tokenize(self._tokenizer, texts, self.space.max_tokens, marks=marks)

    @torch.inference_mode()
    def _pooled(self, ids: Sequence[Sequence[int]]) -> torch.Tensor:
        longest = max(map(len, ids))
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
        try:
            hidden = self._model(input_ids=batch, attention_mask=mask).last_hidden_state
            return self._pool(hidden, mask)
        except torch.OutOfMemoryError as error:
            raise ModelError(
                f"the device has no room for {len(ids)} texts of {longest} tokens",
                hint="Use a smaller --batch-tokens; what is stored stays.",
            ) from error

    def encode(self, ids: Sequence[Sequence[int]]) -> tuple[Floats, Floats]:
        """Return vectors of length 1, float32 (n, width), and their lengths before, float32 (n,).

        Args:
            ids: token ids of each text, none empty; padded on the right here.

        Raises:
            ModelError: a vector is not finite, or is zero.
        """
        pooled = self._pooled(ids)
        norms = torch.linalg.vector_norm(pooled, dim=1)
        if not bool((torch.isfinite(norms) & (norms > 0)).all()):
            raise ModelError(
                f"the model gave a vector that is not finite or is zero in "
                f"{self.space.compute_dtype}",
                hint="Use --dtype float32 or bfloat16.",
            )
        vectors = pooled / norms.unsqueeze(1)
        return vectors.cpu().numpy(), norms.cpu().numpy().astype(np.float32)


def _device_and_dtype(options: EncoderOptions) -> tuple[str, ComputeDtype]:
    device: str = options.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if options.dtype != "auto":
        return device, options.dtype
    return device, "bfloat16" if device == "cuda" else "float32"


def _load(place: str, dtype: ComputeDtype, trust: bool) -> tuple[Any, Any, Any]:
    """Load a model's settings, its tokenizer, and itself without a head."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        config = AutoConfig.from_pretrained(place, trust_remote_code=trust)
        tokenizer = AutoTokenizer.from_pretrained(place, trust_remote_code=trust)
        model, told = AutoModel.from_pretrained(
            place,
            dtype=getattr(torch, dtype),
            use_safetensors=True,
            trust_remote_code=trust,
            output_loading_info=True,
        )
    except Exception as error:  # transformers, its parsers and a model's own code raise anything
        raise ModelError(
            f"cannot load the model {place!r}: {(str(error) or repr(error)).splitlines()[0]}",
            hint="Give a folder with config.json, tokenizer and *.safetensors, a name on a hub "
            f"that can be reached, or one of: {', '.join(PRESETS)}.",
        ) from error
    # transformers makes up what a file lacks, at random: vectors would mean nothing.
    if lacking := sorted(key for key in told["missing_keys"] if "pooler" not in key):
        raise ModelError(
            f"the model {place!r} lacks {len(lacking)} weights, such as {lacking[0]}",
            hint="Its config.json and its weights do not belong together.",
        )
    for settings in (model.config, model.config.get_text_config()):
        settings.use_cache = False  # one pass over whole texts: nothing is read again
    return config, tokenizer, model


def _limit(model: torch.nn.Module, config: Any, tokenizer: Any) -> int:  # noqa: ANN401
    """Return how many tokens of a text a model has places for."""
    limit = getattr(config.get_text_config(), "max_position_embeddings", None) or UNLIMITED
    for name, module in model.named_modules():
        offset = getattr(module, "padding_idx", None)
        if name.endswith("position_embeddings") and offset is not None:
            # RoBERTa and its kin count positions on from the padding token's number.
            limit = min(limit, module.num_embeddings - offset - 1)
    return min(limit, int(min(tokenizer.model_max_length, UNLIMITED)))
