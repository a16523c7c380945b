"""Embed texts one by one, as the paper's official script does: TEXTS.json MAX_TOKENS MODEL DEVICE.

Prints the seconds, loading the model not counted.
"""

import json
import sys
from pathlib import Path
from time import perf_counter

import click


def main(texts_file: str, max_tokens: int, folder: str, device: str) -> None:
    """Run the model on a text, pool its last states by position, take the result; then the next."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    texts = json.loads(Path(texts_file).read_text(encoding="utf-8"))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).to(device)
    found = []
    started = perf_counter()
    with torch.inference_mode():
        for text in texts:
            inputs = tokenizer(text, return_tensors="pt", truncation=True, max_length=max_tokens)
            states = model(**inputs.to(device), output_hidden_states=True).hidden_states[-1][0]
            weights = torch.arange(1, len(states) + 1, device=device).float()
            found.append(((weights / weights.sum()) @ states.float()).cpu())
    seconds = perf_counter() - started
    click.echo(json.dumps({"seconds": seconds, "texts": len(found)}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])
