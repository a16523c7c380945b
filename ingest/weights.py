"""A model's files become a tokenizer and modules: the only file that imports transformers."""

from dataclasses import dataclass
from typing import Any

import torch
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoTokenizer,
    logging,
)

from catalog.errors import InvalidInput, ModelError
from catalog.model import ComputeDtype
from ingest.models import PRESETS
from ingest.options import EncoderOptions
from ingest.tokens import UNLIMITED


@dataclass(frozen=True)
class Weights:
    """What was loaded.

    Attributes:
        config: the model's settings.
        tokenizer: the model's own.
        body: gives hidden states.
        whole: the same body with its language-model head; None if it was not asked for.
    """

    config: Any
    tokenizer: Any
    body: torch.nn.Module
    whole: torch.nn.Module | None


def device_and_dtype(options: EncoderOptions) -> tuple[str, ComputeDtype]:
    """Return where to compute, and in what.

    Raises:
        InvalidInput: CUDA is asked for where there is none.
    """
    if options.device == "cuda" and not torch.cuda.is_available():
        raise InvalidInput("there is no CUDA device here", hint="Use --device cpu.")
    device: str = options.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if options.dtype != "auto":
        return device, options.dtype
    return device, "bfloat16" if device == "cuda" else "float32"


def load_weights(place: str, dtype: ComputeDtype, trust: bool, *, head: bool = False) -> Weights:
    """Load a model's settings, its tokenizer, and itself, once, with its head or without.

    Raises:
        ModelError: it cannot be loaded, lacks weights, or has no head that is asked for.
    """
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        config = AutoConfig.from_pretrained(place, trust_remote_code=trust)
        tokenizer = AutoTokenizer.from_pretrained(place, trust_remote_code=trust)
        if head:
            _require_language_model(place, config)
        model, told = (AutoModelForCausalLM if head else AutoModel).from_pretrained(
            place,
            dtype=getattr(torch, dtype),
            use_safetensors=True,
            trust_remote_code=trust,
            output_loading_info=True,
        )
    except ModelError:
        raise
    except Exception as error:  # transformers, its parsers and a model's own code raise anything
        raise ModelError(
            f"cannot load the model {place!r}: {(str(error) or repr(error)).splitlines()[0]}",
            hint="Give a folder with config.json, tokenizer and *.safetensors, a name on a hub "
            f"that can be reached, or one of: {', '.join(PRESETS)}.",
        ) from error
    # transformers makes up what a file lacks, at random: vectors and scores would mean nothing.
    if lacking := sorted(key for key in told["missing_keys"] if "pooler" not in key):
        _refuse(place, lacking, f"{model.base_model_prefix}." if head else "")
    for settings in (model.config, model.config.get_text_config()):
        settings.use_cache = False  # one pass over whole texts: nothing is read again
    if head:
        return Weights(config, tokenizer, model.base_model, model)
    body = model.get_encoder() if config.is_encoder_decoder else model
    return Weights(config, tokenizer, body, None)


def _require_language_model(place: str, config: Any) -> None:  # noqa: ANN401
    own_code = "AutoModelForCausalLM" in (getattr(config, "auto_map", None) or {})
    if config.is_encoder_decoder or not (own_code or type(config) in MODEL_FOR_CAUSAL_LM_MAPPING):
        raise _headless(place, f"{config.model_type} models are no plain language models")


def _refuse(place: str, lacking: list[str], body: str) -> None:
    if body and not any(key.startswith(body) for key in lacking):
        raise _headless(place, f"its files lack {lacking[0]}")
    raise ModelError(
        f"the model {place!r} lacks {len(lacking)} weights, such as {lacking[0]}",
        hint="Its config.json and its weights do not belong together.",
    )


def _headless(place: str, reason: str) -> ModelError:
    return ModelError(
        f"the model {place!r} has no language-model head, so it gives no NLL: {reason}",
        hint="Score with a causal language model, such as the one to be tuned; "
        "`catalog embed` without --nll needs no head.",
    )


def token_limit(model: torch.nn.Module, config: Any, tokenizer: Any) -> int:  # noqa: ANN401
    """Return how many tokens of a text a model has places for."""
    limit = getattr(config.get_text_config(), "max_position_embeddings", None) or 0
    limit = limit if limit > 0 else UNLIMITED  # XLNet says -1
    for name, module in model.named_modules():
        offset = getattr(module, "padding_idx", None)
        if name.endswith("position_embeddings") and offset is not None:
            # RoBERTa and its kin count positions on from the padding token's number.
            limit = min(limit, module.num_embeddings - offset - 1)
    return min(limit, int(min(tokenizer.model_max_length, UNLIMITED)))
