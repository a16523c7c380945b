"""What a run was trained by: template, tokenizer, length, packing, the arguments that count."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

ARGUMENTS = (
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "num_train_epochs",
    "max_steps",
    "learning_rate",
    "lr_scheduler_type",
    "warmup_steps",
    "weight_decay",
    "max_grad_norm",
    "optim",
    "seed",
    "data_seed",
    "bf16",
    "fp16",
    "dataloader_drop_last",
    "train_sampling_strategy",
    "average_tokens_across_devices",
    "assistant_only_loss",
    "completion_only_loss",
    "loss_type",
)
"""What of a trainer's arguments is kept, where it has them."""
LENGTH = ("max_length", "truncation_mode", "packing", "packing_strategy", "padding_free")


def tokenizer_contract(tokenizer: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the hashes of a tokenizer and of its chat template, and what it is called.

    Args:
        tokenizer: of transformers, or None.
    """
    inner = getattr(tokenizer, "tokenizer", tokenizer)  # of a processor
    template = getattr(inner, "chat_template", None)
    found = {
        "tokenizer": getattr(inner, "name_or_path", None),
        "tokenizer_hash": _tokenizer_hash(inner),
        "template_hash": None if template is None else _hash(template),
    }
    return {name: value for name, value in found.items() if value}


def _tokenizer_hash(tokenizer: Any) -> str | None:  # noqa: ANN401
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        whole = json.loads(backend.to_str())
        # How long texts may be and how they are padded is not the tokenizer's own.
        return _hash({k: v for k, v in whole.items() if k not in ("truncation", "padding")})
    vocabulary = getattr(tokenizer, "get_vocab", None)
    return _hash(vocabulary()) if vocabulary else None


def _hash(value: object) -> str:
    return sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def trainer_contract(trainer: Any, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    """Return what is worth keeping of a Trainer, with what its user adds.

    Args:
        trainer: of transformers or TRL.
        given: wins over what is found.
    """
    arguments = trainer.args
    data = trainer.train_dataset
    order = {"sampler": str(getattr(arguments, "train_sampling_strategy", "random"))}
    if (seed := getattr(data, "seed", None)) is not None:
        order |= {"order": "feistel", "order_seed": seed}
    length = {name: getattr(arguments, name) for name in LENGTH if hasattr(arguments, name)}
    transform = getattr(data, "transform", None)
    if (contract := getattr(transform, "contract", None)) is not None:
        length |= contract
    return {
        "trainer": type(trainer).__name__,
        "model": getattr(getattr(trainer.model, "config", None), "name_or_path", None),
        **tokenizer_contract(getattr(trainer, "processing_class", None)),
        "length": length,
        "order": order,
        "arguments": {n: getattr(arguments, n) for n in ARGUMENTS if hasattr(arguments, n)},
        **given,
    }
