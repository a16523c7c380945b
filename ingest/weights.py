"""A model's files become a tokenizer and modules: the only file that imports transformers."""

from contextlib import AbstractContextManager, nullcontext
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

from catalog.errors import ModelError
from catalog.model import ComputeDtype
from ingest.device import Processor
from ingest.models import PRESETS
from ingest.options import EncoderOptions
from ingest.tokens import UNLIMITED

TRIAL_TOKENS, TRIAL_REAL = 16, 11
TRIAL_ROUNDING = 0.02
"""Of the largest number, in bfloat16."""


@dataclass(frozen=True)
class Weights:
    """What was loaded.

    Attributes:
        config: the model's settings.
        tokenizer: the model's own.
        body: gives hidden states.
        whole: the same body with its language-model head; None if it was not asked for.
        dtype: what it computes in.
        precision: what it is to be run inside.
    """

    config: Any
    tokenizer: Any
    body: torch.nn.Module
    whole: torch.nn.Module | None
    dtype: ComputeDtype
    precision: AbstractContextManager[object]


def _compute_dtype(options: EncoderOptions, processor: Processor) -> ComputeDtype:
    """Return what to compute in: exactly on a CPU if nothing is said."""
    if options.dtype != "auto":
        return options.dtype
    return "bfloat16" if processor == "cuda" else "float32"


def _precision(dtype: ComputeDtype, processor: Processor) -> AbstractContextManager[object]:
    """Return what a model is to be run inside.

    On a CPU, bfloat16 is for the products of matrices and for attention alone, which sum in
    float32; what is added up from layer to layer, norms and softmax stay float32. That costs
    little time, and keeps vectors several times closer to those of float32.
    """
    mixed = dtype == "bfloat16" and processor == "cpu"
    return torch.autocast("cpu", torch.bfloat16) if mixed else nullcontext()


def _round_products(model: torch.nn.Module) -> None:
    """Keep what `_precision` multiplies in bfloat16, everything else in float32."""
    model.float()
    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            module.to(torch.bfloat16)


def load_weights(
    place: str, options: EncoderOptions, processor: Processor, *, head: bool = False
) -> Weights:
    """Load a model's settings, its tokenizer, and itself, once, with its head or without.

    Raises:
        ModelError: it cannot be loaded, lacks weights, or has no head that is asked for.
    """
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    dtype, trust = _compute_dtype(options, processor), options.trust_remote_code
    run_inside = _precision(dtype, processor)
    mixed = isinstance(run_inside, torch.autocast)
    try:
        config = AutoConfig.from_pretrained(place, trust_remote_code=trust)
        tokenizer = AutoTokenizer.from_pretrained(place, trust_remote_code=trust)
        if head:
            _require_language_model(place, config)
        model, told = (AutoModelForCausalLM if head else AutoModel).from_pretrained(
            place,
            dtype="auto" if mixed else getattr(torch, dtype),
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
    if mixed:
        _round_products(model)
    for settings in (model.config, model.config.get_text_config()):
        settings.use_cache = False  # one pass over whole texts: nothing is read again
    if head:
        return Weights(config, tokenizer, model.base_model, model, dtype, run_inside)
    body = model.get_encoder() if config.is_encoder_decoder else model
    return Weights(config, tokenizer, body, None, dtype, run_inside)


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


@torch.inference_mode()
def sees_backwards_only(model: torch.nn.Module, vocabulary: int) -> bool:
    """Tell whether no token's state depends on those after it, so that padding needs no mask.

    Such a state stays the same to the last bit when a later token changes; and with a mask or
    without, it is the same but for rounding.

    Args:
        model: gives hidden states, on its device.
        vocabulary: how many tokens it knows.
    """
    device = next(model.parameters()).device
    ids = torch.linspace(1, vocabulary - 1, TRIAL_TOKENS, device=device).long().repeat(2, 1)
    mask = torch.ones_like(ids)
    ids[1, TRIAL_REAL:], mask[:, TRIAL_REAL:] = 0, 0
    free, masked = (
        model(input_ids=ids, attention_mask=seen).last_hidden_state[:, :TRIAL_REAL].float()
        for seen in (None, mask)
    )
    apart = (free - masked).abs().max() / masked.abs().max()
    return torch.equal(free[0], free[1]) and bool(apart < TRIAL_ROUNDING)
