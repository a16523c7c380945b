"""What a user names is found, each input once and in a fixed order, or the error says why not."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.errors import InvalidInput, UnreadableInput
from ingest.inputs import find, recognise_format
from ingest.readers import read_json
from ingest.tables import read_hub, read_parquet, read_saved
from tests.conftest import talk


@pytest.fixture
def touch(tmp_path: Path) -> Callable[[str], Path]:
    """Make an empty file, and the folders above it."""

    def make(name: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        return path

    return make


def test_a_file_is_read_by_what_its_name_ends_in(touch: Callable[[str], Path]) -> None:
    names = ["a.jsonl", "b.ndjson", "c.json.gz", "D.JSONL.ZST", "e.parquet"]
    found = find([str(touch(name)) for name in names])
    assert [place.name for place in found] == names
    assert [place.read for place in found] == [read_json] * 4 + [read_parquet]


def test_a_folder_is_walked_in_order_of_name(tmp_path: Path, touch: Callable[[str], Path]) -> None:
    for name in ("d/b.jsonl", "d/a/z.json", "d/a/y.parquet", "d/notes.txt", "d/c/deep/x.jsonl"):
        touch(name)
    found = find([str(tmp_path / "d")])
    assert [place.name for place in found] == [
        "d/a/y.parquet",
        "d/a/z.json",
        "d/b.jsonl",
        "d/c/deep/x.jsonl",
    ]


def test_a_saved_data_set_in_a_folder_is_one_input(
    tmp_path: Path, touch: Callable[[str], Path]
) -> None:
    for name in (
        "d/one/dataset_info.json",
        "d/one/state.json",
        "d/many/dataset_dict.json",
        "d/x.json",
    ):
        touch(name)
    found = find([str(tmp_path / "d")])
    assert [(place.name, place.read) for place in found] == [
        ("d/many", read_saved),
        ("d/one", read_saved),
        ("d/x.json", read_json),
    ]


def test_a_folder_with_a_list_of_data_sets_is_no_saved_one(
    tmp_path: Path, touch: Callable[[str], Path]
) -> None:
    touch("d/dataset_info.json")
    touch("d/alpaca.json")
    assert [place.name for place in find([str(tmp_path / "d")])] == [
        "d/alpaca.json",
        "d/dataset_info.json",
    ]


def test_a_file_named_in_several_ways_is_read_once(
    tmp_path: Path, touch: Callable[[str], Path]
) -> None:
    first, second = touch("d/a.jsonl"), touch("d/b.jsonl")
    (tmp_path / "link.jsonl").symlink_to(first)
    named = [
        second,
        first,
        os.path.relpath(second),
        tmp_path / "link.jsonl",
        tmp_path / "d",
        second,
    ]
    assert [place.name for place in find(list(map(str, named)))] == ["b.jsonl", "a.jsonl"]


def test_a_link_is_followed(tmp_path: Path, touch: Callable[[str], Path]) -> None:
    (tmp_path / "link.jsonl").symlink_to(touch("a.jsonl"))
    assert [place.name for place in find([str(tmp_path / "link.jsonl")])] == ["link.jsonl"]


def test_the_hub_is_named_by_its_prefix() -> None:
    [place] = find(["hf://owner/name:train"])
    assert (place.name, place.path, place.read) == (
        "owner/name:train",
        "hf://owner/name:train",
        read_hub,
    )


def test_a_changed_file_has_another_stamp(touch: Callable[[str], Path]) -> None:
    path = touch("a.jsonl")
    [before] = find([str(path)])
    path.write_text("x")
    [after] = find([str(path)])
    assert before.stamp != after.stamp
    assert after.size_bytes == 1


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("nothing.jsonl", "no file or folder at", "Give files, folders or hf://owner/name."),
        ("dead.jsonl", "no file or folder at", "Give files, folders or hf://owner/name."),
        ("empty", "holds no file that can be read", "Known: .jsonl, .ndjson, .json, .parquet, "),
        ("table.csv", "is of no known kind", "Known: .jsonl, .ndjson, .json, .parquet, "),
        ("table.parquet.gz", "is of no known kind", "Known: .jsonl, .ndjson, .json, .parquet, "),
        ("pipe.jsonl", "is no regular file", "Save it as a file first."),
        ("x" * 300, "cannot look at", "May you read it, and the folders above?"),
        ("caf\udcff.jsonl", "is not UTF-8", "Rename the file."),
        ("", "no file or folder at ''", "Give files, folders or hf://owner/name."),
        ("a\0b", "no file or folder at", "Give files, folders or hf://owner/name."),
        ("~nobody/x.jsonl", "no file or folder at", "Give files, folders or hf://owner/name."),
    ],
)
def test_a_path_that_cannot_be_read_is_an_error_that_says_what_to_do(
    tmp_path: Path, touch: Callable[[str], Path], name: str, message: str, hint: str
) -> None:
    (tmp_path / "dead.jsonl").symlink_to(tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe.jsonl")
    for other in ("table.csv", "table.parquet.gz", "caf\udcff.jsonl"):
        touch(other)
    with pytest.raises(InvalidInput) as found:
        find([str(tmp_path / name) if name and not name.startswith("~") else name])
    assert message in found.value.message
    assert (found.value.hint or "").startswith(hint)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_may_not_be_read_is_an_error(touch: Callable[[str], Path]) -> None:
    path = touch("d/a.jsonl")
    path.parent.chmod(0)
    try:
        with pytest.raises(UnreadableInput, match="cannot look at"):
            find([str(path)])
    finally:
        path.parent.chmod(0o755)


def test_no_path_at_all_is_an_error() -> None:
    with pytest.raises(InvalidInput, match="no file was named"):
        find([])


def test_a_damaged_input_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(b"\x1f\x8bbroken")
    [place] = find([str(path)])
    with pytest.raises(UnreadableInput, match=rf"cannot read {path}: zlib inflate failed"):
        list(place.blocks(1 << 20))


def test_the_format_is_recognised_from_the_first_rows(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("broken\n" + json.dumps({"instruction": "i", "output": "o"}) + "\n")
    [place] = find([str(path)])
    assert recognise_format(place, "auto", 1 << 20) == ("alpaca", True)
    assert recognise_format(place, "sharegpt", 1 << 20) == ("sharegpt", True)


def test_a_row_that_is_too_large_hides_no_format(tmp_path: Path) -> None:
    rows = [{"instruction": f"i{n}", "output": "o" * (900 if n == 3 else 1)} for n in range(6)]
    path = tmp_path / "x.json"
    path.write_text(json.dumps(rows))
    [place] = find([str(path)])
    assert recognise_format(place, "auto", 500) == ("alpaca", True)
    assert [block.cut_bytes > 0 for block in place.blocks(500)] == [False, True, False]


def test_a_file_that_shows_no_format_is_taken_to_be_messages(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("")
    [place] = find([str(path)])
    assert recognise_format(place, "auto", 1 << 20) == ("messages", False)


def test_an_unknown_format_is_an_error(write_jsonl: Callable[..., Path]) -> None:
    [place] = find([str(write_jsonl("x.jsonl", [talk("hi")]))])
    with pytest.raises(InvalidInput) as found:
        recognise_format(place, "csv", 1 << 20)
    assert found.value.message == "no format named 'csv'"
    assert found.value.hint == "Formats: auto, messages, alpaca, sharegpt, prompt-completion."
