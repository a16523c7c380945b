"""The export formats: one function each, and where what it writes belongs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from catalog.exporting import ExportFormat
from catalog.exporting.axolotl import write_axolotl
from catalog.exporting.llama_factory import write_llama_factory
from catalog.exporting.open_instruct import write_open_instruct
from catalog.exporting.plain import write_data_set, write_jsonl, write_parquet
from catalog.exporting.trl import write_trl
from catalog.exporting.writing import Writing


@dataclass(frozen=True)
class Format:
    """How an export is written.

    Attributes:
        write: writes it aside: to a file, to a new folder, or files into a folder that is there.
        output: what the output is: a file, a folder of its own, or a folder that may hold more.
        usage: how its trainer is told of it; `{name}`, `{output}` are filled in.
        data: which file of a folder holds the data; `{name}` is filled in.
        suffix: what the output's name must end with to be taken for a file.
    """

    write: Callable[[Writing, Path], None]
    output: Literal["file", "data set", "folder"] = "file"
    usage: str = ""
    data: str = ""
    suffix: str = ""


FORMATS: Mapping[ExportFormat, Format] = {
    "jsonl": Format(write_jsonl),
    "parquet": Format(write_parquet),
    "hf": Format(write_data_set, "data set"),
    "trl": Format(write_trl),
    "llama-factory": Format(
        write_llama_factory,
        "folder",
        "dataset_dir: {output}, dataset: {name}",
        "{name}.jsonl",
    ),
    "axolotl": Format(
        write_axolotl, "folder", "datasets: as in {output}/{name}.yaml", "{name}.parquet"
    ),
    "open-instruct": Format(
        write_open_instruct, usage="--dataset_mixer_list {output} 1.0", suffix=".jsonl"
    ),
}
