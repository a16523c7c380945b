"""Exports for trainers, read as each trainer reads them: TRL itself, the others by their rules."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

import catalog
import ingest
from catalog import Catalog
from catalog.errors import InvalidInput, OutputExists, UnfitSamples
from catalog.exporting import ExportFormat
from tests.conftest import talk

Row = dict[str, Any]

ARGUMENTS = {"city": "Zürich", "at": [47.3769, 8.5417], "n": 9007199254740993, "none": None}
CALL = {
    "id": "c1",
    "type": "function",
    "function": {"name": "weather", "arguments": json.dumps(ARGUMENTS)},
}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Weather | now",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]
PLAIN = talk("Plain?", "Ünïcode \u2028 and 🙂 and\ttabs", id="plain")
SYSTEM: Row = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi \u0085"},
        {"role": "assistant", "content": "Ho"},
        {"role": "user", "content": "Hi again"},
        {"role": "assistant", "content": '[{"a": 1}]', "reasoning_content": "hm", "loss": False},
    ],
    "id": "system",
}
CALLS: Row = {
    "messages": [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "content": "Rain", "tool_call_id": "c1", "name": "weather"},
        {"role": "assistant", "content": "It rains.", "weight": 1},
    ],
    "tools": TOOLS,
    "id": "calls",
}
ROWS = [PLAIN, SYSTEM, CALLS]


@pytest.fixture
def home_of(tmp_path: Path) -> Callable[[list[Row]], Catalog]:
    """A home with these rows, all in the snapshot `all@1`, in order."""

    def make(rows: list[Row]) -> Catalog:
        number = len(list(tmp_path.glob("home*")))
        (tmp_path / f"home{number}.jsonl").write_text(
            "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8"
        )
        cat = catalog.init(tmp_path / f"home{number}")
        assert ingest.load(cat, [tmp_path / f"home{number}.jsonl"], source="s").counts.refused == 0
        cat.select("all", sql="from pool order by sample_id")
        return cat

    return make


def hashes(cat: Catalog) -> list[str]:
    rows = cat.sql("select hash from member where snapshot = 'all@1' order by position").to_pylist()
    return [row["hash"] for row in rows]


def loaded(kind: str, path: Path, tmp_path: Path) -> Any:
    import datasets

    datasets.disable_progress_bars()
    return datasets.load_dataset(
        kind, data_files=str(path), split="train", cache_dir=str(tmp_path / f"cache-{path.name}")
    )


# TRL, as it is

TEMPLATE = (
    "{% if tools is not none and tools is defined %}[{{ tools | tojson }}]{% endif %}"
    "{% for m in messages %}<{{ m.role }}>{{ m | tojson }}</s>{% endfor %}"
)
"""Shows everything that TRL hands it."""


def chatting(model: Path) -> Any:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.chat_template = TEMPLATE
    tokenizer.pad_token = "</s>"
    return tokenizer


def prepared(model: Path, path: Path, kind: str, tmp_path: Path) -> Any:
    """The data set as an `SFTTrainer` trains on it."""
    from transformers import AutoModelForCausalLM
    from trl import SFTConfig, SFTTrainer

    trainer = SFTTrainer(
        AutoModelForCausalLM.from_pretrained(model),
        args=SFTConfig(
            output_dir=str(tmp_path / "run"),
            max_length=None,
            report_to=[],
            use_cpu=True,
            bf16=False,
        ),
        train_dataset=loaded(kind, path, tmp_path),
        processing_class=chatting(model),
    )
    return trainer.train_dataset


def expected_ids(model: Path, row: Row) -> list[int]:
    """What the model's own template makes of a row as it came."""
    messages = json.loads(json.dumps(row["messages"]))
    for message in messages:
        for call in message.get("tool_calls", []):
            call["function"]["arguments"] = json.loads(call["function"]["arguments"])
    found = chatting(model).apply_chat_template(messages, tools=row.get("tools"), return_dict=True)
    return list(found["input_ids"])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "kind"), [("all.jsonl", "json"), ("all.parquet", "parquet")])
def test_an_sft_trainer_takes_the_export_and_loses_nothing(
    home_of: Callable[..., Catalog],
    models: Callable[[str], Path],
    tmp_path: Path,
    name: str,
    kind: str,
) -> None:
    cat = home_of(ROWS)
    report = cat.export("all", tmp_path / name, format="trl")
    assert (report.rows, report.left_out) == (3, 0)
    assert report.notices == (
        "in 1: TRL does not read the field loss",
        "in 1: TRL does not read the field weight",
        "in 1: arguments of calls that were JSON text are objects, as chat templates take them",
    )
    model = models("llama")
    found = prepared(model, tmp_path / name, kind, tmp_path)
    assert list(found["content_hash"]) == hashes(cat)
    assert list(found["input_ids"]) == [expected_ids(model, row) for row in ROWS]


def test_plain_conversations_have_plain_columns_for_trl(
    home_of: Callable[..., Catalog], tmp_path: Path
) -> None:
    cat = home_of([PLAIN])
    for name, kind in (("all.jsonl", "json"), ("all.parquet", "parquet")):
        cat.export("all", tmp_path / name, format="trl")
        found = loaded(kind, tmp_path / name, tmp_path)
        assert found.column_names == ["id", "dataset", "content_hash", "messages"]
        assert found[0]["messages"] == PLAIN["messages"]


def test_fields_that_come_too_late_for_the_loader_ask_for_parquet(
    home_of: Callable[..., Catalog], tmp_path: Path
) -> None:
    long = [talk(f"Long {n}?", "x" * 5_500_000) for n in range(2)]
    cat = home_of([*long, CALLS])
    with pytest.raises(InvalidInput, match="tools and fields of messages come only after") as said:
        cat.export("all", tmp_path / "all.jsonl", format="trl")
    assert said.value.hint == "Write Parquet: --output all.parquet"
    assert not (tmp_path / "all.jsonl").exists()
    cat.export("all", tmp_path / "all.parquet", format="trl")
    found = loaded("parquet", tmp_path / "all.parquet", tmp_path)
    assert found[2]["messages"][1]["tool_calls"][0]["function"]["arguments"] == ARGUMENTS
    assert json.loads(found[2]["tools"]) == TOOLS
    early = home_of([CALLS, *long])
    early.export("all", tmp_path / "early.jsonl", format="trl")
    found = loaded("json", tmp_path / "early.jsonl", tmp_path)
    assert [len(row["messages"]) for row in found] == [4, 2, 2]


# LLaMA-Factory, by the rules of its `data/README.md`, parser and sharegpt converter


def read_by_llama_factory(folder: Path, name: str, tmp_path: Path) -> Iterator[Row]:
    """Read a data set by its entry; a row that would be skipped fails."""
    entry = json.loads((folder / "dataset_info.json").read_text())[name]
    assert entry["formatting"] == "sharegpt"
    columns, tags = entry["columns"], entry["tags"]
    asking = (tags["user_tag"], tags["observation_tag"])
    answering = (tags["assistant_tag"], tags["function_tag"])
    for row in loaded("json", folder / entry["file_name"], tmp_path):
        messages, system = row[columns["messages"]], ""
        if messages[0][tags["role_tag"]] == tags["system_tag"]:
            system, messages = messages[0][tags["content_tag"]], messages[1:]
        assert len(messages) % 2 == 0
        turns = []
        for position, message in enumerate(messages):
            role, content = message[tags["role_tag"]], message[tags["content_tag"]]
            assert role in (answering if position % 2 else asking)
            assert isinstance(content, str)
            if role == tags["function_tag"]:
                calls = json.loads(content)
                content = [(call["name"], call["arguments"]) for call in calls]
            turns.append((role, content))
        tools = json.loads(row[columns["tools"]] or "null") if "tools" in columns else None
        yield {"system": system, "turns": turns, "tools": tools, "hash": row["content_hash"]}


def test_llama_factory_reads_its_folder(home_of: Callable[..., Catalog], tmp_path: Path) -> None:
    cat = home_of(ROWS)
    report = cat.export("all", tmp_path / "data", format="llama-factory")
    assert report.usage == f"dataset_dir: {tmp_path / 'data'}, dataset: all-v1"
    assert report.notices == tuple(
        f"in 1: LLaMA-Factory does not read the field {name}"
        for name in ("loss", "name", "reasoning_content", "tool_call_id", "weight")
    )
    plain, system, calls = read_by_llama_factory(tmp_path / "data", "all-v1", tmp_path)
    assert [one["hash"] for one in (plain, system, calls)] == hashes(cat)
    assert plain["turns"] == [(m["role"], m["content"]) for m in PLAIN["messages"]]
    assert (system["system"], system["turns"][3]) == ("Be brief.", ("assistant", '[{"a": 1}]'))
    assert calls["turns"][1:3] == [
        ("function_call", [("weather", ARGUMENTS)]),
        ("observation", "Rain"),
    ]
    assert (plain["tools"], calls["tools"]) == (None, TOOLS)


def test_other_entries_of_the_folder_stay_as_they_are(
    home_of: Callable[..., Catalog], tmp_path: Path
) -> None:
    cat = home_of([PLAIN])
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "own.json").write_text("[]")
    other = {"file_name": "own.json", "columns": {"prompt": "ü"}}
    (folder / "dataset_info.json").write_text(json.dumps({"mine": other, "all-v1": {"x": 1}}))
    with pytest.raises(OutputExists, match="has another entry 'all-v1'"):
        cat.export("all", folder, format="llama-factory")
    assert sorted(file.name for file in folder.iterdir()) == ["dataset_info.json", "own.json"]
    assert cat.export("all", folder, format="llama-factory", overwrite=True).written
    found = json.loads((folder / "dataset_info.json").read_text())
    assert list(found) == ["mine", "all-v1"]
    assert found["mine"] == other
    assert found["all-v1"]["columns"] == {"messages": "messages"}
    before = (folder / "dataset_info.json").stat().st_mtime_ns
    assert not cat.export("all", folder, format="llama-factory").written
    assert (folder / "dataset_info.json").stat().st_mtime_ns == before
    (folder / "dataset_info.json").write_text("{")
    with pytest.raises(InvalidInput, match="is no JSON"):
        cat.export("all", folder, format="llama-factory", overwrite=True)
    assert (folder / "dataset_info.json").read_text() == "{"


# axolotl, by the rules of its dataset loader and chat_template strategy


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def read_by_axolotl(config: Path, tmp_path: Path) -> Iterator[Row]:
    """Read a data set by its YAML."""
    [entry] = yaml.safe_load(config.read_text())["datasets"]
    assert (entry["type"], entry["split"]) == ("chat_template", "train")
    mapping = entry["message_property_mappings"]
    for raw in loaded(entry["ds_type"], Path(entry["path"]), tmp_path):
        row = without_nulls(raw)
        turns = []
        for message in row[entry["field_messages"]]:
            turn = {to: message[of] for to, of in mapping.items() if of in message}
            turn |= {k: v for k, v in message.items() if k not in mapping.values()}
            for call in turn.get("tool_calls", []):
                call["function"]["arguments"] = json.loads(call["function"]["arguments"])
            turn["train"] = message.get(entry.get("message_field_training"))
            turns.append(turn)
        tools = row.get(entry.get("field_tools"))
        for tool in tools or []:
            parameters = tool["function"].get("parameters")
            tool["function"]["parameters"] = json.loads(parameters)
        yield {"turns": turns, "tools": tools, "hash": row["content_hash"]}


def test_axolotl_reads_its_entry(home_of: Callable[..., Catalog], tmp_path: Path) -> None:
    cat = home_of(ROWS)
    report = cat.export("all", tmp_path / "data", format="axolotl")
    assert (report.rows, report.notices) == (3, ())
    plain, system, calls = read_by_axolotl(tmp_path / "data" / "all-v1.yaml", tmp_path)
    assert [one["hash"] for one in (plain, system, calls)] == hashes(cat)
    assert [{**turn, "train": None} for turn in plain["turns"]] == [
        {**message, "train": None} for message in PLAIN["messages"]
    ]
    assert [turn["train"] for turn in system["turns"]] == [None, None, None, None, False]
    assert system["turns"][4]["reasoning_content"] == "hm"
    assert [turn["train"] for turn in calls["turns"]] == [None, None, None, True]
    [call] = calls["turns"][1]["tool_calls"]
    assert call == {**CALL, "function": {"name": "weather", "arguments": ARGUMENTS}}
    assert "content" not in calls["turns"][1]
    assert (calls["turns"][2]["name"], calls["turns"][2]["tool_call_id"]) == ("weather", "c1")
    assert (plain["tools"], calls["tools"]) == (None, TOOLS)


def test_plain_conversations_have_plain_columns_for_axolotl(
    home_of: Callable[..., Catalog], tmp_path: Path
) -> None:
    home_of([PLAIN]).export("all", tmp_path / "data", format="axolotl")
    schema = pq.read_schema(tmp_path / "data" / "all-v1.parquet")
    assert schema.names == ["id", "dataset", "content_hash", "messages"]
    [entry] = yaml.safe_load((tmp_path / "data" / "all-v1.yaml").read_text())["datasets"]
    assert "message_field_training" not in entry
    assert "field_tools" not in entry


# open-instruct, by the rules of its `dataset_transformation.py`


def test_open_instruct_reads_its_lines(home_of: Callable[..., Catalog], tmp_path: Path) -> None:
    cat = home_of([PLAIN, SYSTEM])
    report = cat.export("all", tmp_path / "all.jsonl", format="open-instruct")
    assert report.notices == (
        "in 1: open-instruct does not read the field loss",
        "in 1: open-instruct does not read the field reasoning_content",
    )
    found = loaded("json", tmp_path / "all.jsonl", tmp_path)
    assert [row["content_hash"] for row in found] == hashes(cat)
    assert [(row["id"], row["dataset"]) for row in found] == [("plain", "s"), ("system", "s")]
    expected = [[(m["role"], m["content"]) for m in row["messages"]] for row in (PLAIN, SYSTEM)]
    assert [[(m["role"], m["content"]) for m in row["messages"]] for row in found] == expected
    with pytest.raises(InvalidInput, match=r"takes 'all' for a data set's name"):
        cat.export("all", tmp_path / "all", format="open-instruct")


# What a trainer cannot read


def conversation(*messages: Row, **fields: Any) -> Row:
    return {"messages": list(messages), **fields}


USER: Row = {"role": "user", "content": "Hi"}
ANSWER: Row = {"role": "assistant", "content": "Ho"}


def calling(arguments: object, **fields: Any) -> Row:
    call = {"type": "function", "function": {"name": "f", "arguments": arguments}, **fields}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


UNFIT: dict[ExportFormat, list[tuple[Row, str]]] = {
    "llama-factory": [
        (
            conversation(USER, USER, ANSWER),
            "messages that do not alternate between asking and answering",
        ),
        (conversation(USER, ANSWER, USER), "a last message that is no answer"),
        (
            conversation(USER, {"role": "system", "content": "x"}, ANSWER),
            "a system message that is not the first",
        ),
        (conversation({"role": "developer", "content": "x"}, USER, ANSWER), "the role developer"),
        (conversation(USER, {**calling("{}"), "content": "So"}), "a text beside tool calls"),
        (
            conversation(USER, calling('{"a": 1, "a": 2}')),
            "arguments of a call that are no JSON object",
        ),
        (conversation(USER, ANSWER, tools=[{"type": "function"}]), "a tool without a name"),
        (
            conversation(USER, calling("{}"), {"role": "tool", "content": None}, ANSWER),
            "a tool message without a text",
        ),
    ],
    "open-instruct": [
        (CALLS, "tools, which are not handed to the chat template"),
        (conversation(USER, calling("{}")), "tool calls"),
        (conversation(USER, {"role": "tool", "content": "x"}, ANSWER), "the role tool"),
        (
            conversation({"role": "system", "content": None}, USER, ANSWER),
            "a system message without a text",
        ),
    ],
    "trl": [
        (
            conversation(USER, {**ANSWER, "function_call": {"name": "f"}}),
            "function_call, the old form, which chat templates do not read",
        ),
        (
            conversation(USER, {**ANSWER, "weight": 2**70}),
            "a whole number beyond 64 bits, which the loader of `datasets` cannot hold",
        ),
        (
            conversation(USER, calling({"x": [0.1234567890123456]})),
            "a number of more digits than the loader of `datasets` keeps",
        ),
        (conversation(USER, ANSWER, tools="no JSON"), "tools that are no list of objects"),
        (
            conversation(USER, {**ANSWER, "tool_calls": [{"name": "f"}]}),
            "tool calls that are no list of functions with names",
        ),
    ],
    "axolotl": [
        (conversation(USER, calling("x")), "arguments of a call that are no JSON object"),
        (conversation(USER, calling("{}", index=0)), "a tool call with the field index"),
        (conversation(USER, {**ANSWER, "name": 1}), "a field name that is no text"),
        (
            conversation(USER, {**ANSWER, "loss": True, "weight": 0}),
            "fields that contradict each other on whether a message is trained on",
        ),
        (conversation(USER, ANSWER, tools=[{"name": "f"}]), "a tool without a function"),
    ],
}


@pytest.mark.parametrize("format", UNFIT)
def test_what_a_trainer_cannot_read_is_refused_or_left_out_and_counted(
    home_of: Callable[..., Catalog], tmp_path: Path, format: ExportFormat
) -> None:
    rows, reasons = [row for row, _ in UNFIT[format]], sorted(said for _, said in UNFIT[format])
    cat = home_of([*rows, PLAIN])
    path = tmp_path / "out.jsonl"
    with pytest.raises(UnfitSamples) as said:
        cat.export("all", path, format=format)
    assert said.value.message == (
        f"{len(rows)} of {len(rows) + 1} rows cannot be read as they are: "
        + "; ".join(f"1 with {reason}" for reason in reasons)
    )
    assert said.value.hint == "Leave them out with --skip-unsupported, or choose another --format."
    assert not path.exists()
    assert [file for file in tmp_path.iterdir() if "partial" in file.name] == []
    report = cat.export("all", path, format=format, skip_unsupported=True)
    assert (report.rows, report.left_out) == (1, len(rows))
    assert report.notices == tuple(f"left out 1: {reason}" for reason in reasons)
    cat.select("none", sql="from pool order by sample_id", size=len(rows))
    with pytest.raises(UnfitSamples) as said:
        cat.export("none", tmp_path / "none.jsonl", format=format, skip_unsupported=True)
    assert said.value.hint == "Choose another --format."


def test_what_depends_on_the_chat_template_is_said(
    home_of: Callable[..., Catalog], tmp_path: Path
) -> None:
    cat = home_of([conversation({"role": "developer", "content": "x"}, USER, ANSWER)])
    for format in ("trl", "axolotl"):
        report = cat.export("all", tmp_path / format, format=format)  # type: ignore[arg-type]
        assert report.notices == ("in 1: the role developer is left to the model's chat template",)
    empty = home_of([conversation({"role": "system", "content": ""}, USER, ANSWER)])
    report = empty.export("all", tmp_path / "lf", format="llama-factory")
    assert report.notices == (
        "in 1: an empty system message counts as none, so the template's own may be used",
    )


def test_a_member_that_counts_twice_is_written_twice(stocked_home: Path, tmp_path: Path) -> None:
    cat = catalog.open(shutil.copytree(stocked_home, tmp_path / "home"))
    cat.select("a", method="random", size=3)
    cat.mix("m", ["a@1=6"], repeats=2)
    for format in UNFIT:
        assert cat.export("m", tmp_path / f"{format}.jsonl", format=format).rows == 6
    [names] = {
        tuple(loaded("json", tmp_path / f"{format}.jsonl", tmp_path)["content_hash"])
        for format in ("trl", "open-instruct")
    }
    assert names[0] == names[1]
    assert len(set(names)) == 3
