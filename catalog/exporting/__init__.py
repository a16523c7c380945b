"""Members out, as files that people and trainers read as they are."""

from typing import Literal

ExportFormat = Literal["jsonl", "parquet", "hf", "trl", "llama-factory", "axolotl", "open-instruct"]
