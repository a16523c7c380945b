"""Task files become query sets, whole or not at all; a changed one is a new revision."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ingest
from catalog import Catalog
from catalog.errors import InvalidInput, RefusedRows, TaskChanged, UnreadableInput
from catalog.identity import content_hash, digest, encode_message
from catalog.model import Task
from ingest.tasks import check_name
from tests.conftest import Row, talk

Write = Callable[..., Path]


def question(text: str, **fields: Any) -> Row:
    return {"messages": [{"role": "user", "content": text}], **fields}


def rows(cat: Catalog, statement: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in cat.sql(statement).to_pylist()]


def test_a_task_is_its_queries_in_order(cat: Catalog, write_jsonl: Write) -> None:
    path = write_jsonl("t.jsonl", [question("b", id="x", level=2), talk("a"), question("b")])
    report = ingest.add_task(cat, "sums", path)
    hashes = [content_hash([encode_message("user", "b", None)])] * 3
    hashes[1] = content_hash(
        [encode_message("user", "a", None), encode_message("assistant", "Yes.", None)]
    )
    assert report.added
    assert report.task == Task(1, "sums", "select", 1, digest(hashes), 3)
    queries = "select query_id, task_id, position, external_id, messages[1].content, metadata"
    assert rows(cat, f"{queries} from query order by query_id") == [
        (1, 1, 0, "x", "b", '{"level": 2}'),
        (2, 1, 1, None, "a", None),
        (3, 1, 2, None, "b", None),
    ]
    assert rows(cat, "select name, role, revision, uri, query_count from task") == [
        ("sums", "select", 1, str(path), 3)
    ]
    assert rows(cat, "select * from sample") == [], "queries are no part of the pool"


def test_the_same_queries_again_are_the_same_task(cat: Catalog, write_jsonl: Write) -> None:
    first = ingest.add_task(cat, "sums", write_jsonl("t.jsonl", [question("a", id=1)]))
    again = ingest.add_task(cat, "sums", write_jsonl("u.jsonl", [question("a", id=2)]))
    assert (again.added, again.task) == (False, first.task)
    assert len(rows(cat, "select * from query")) == 1


def test_changed_queries_are_refused_unless_they_replace(cat: Catalog, write_jsonl: Write) -> None:
    ingest.add_task(cat, "sums", write_jsonl("t.jsonl", [question("a"), question("b")]))
    changed = write_jsonl("t.jsonl", [question("b"), question("a")])
    with pytest.raises(TaskChanged) as found:
        ingest.add_task(cat, "sums", changed)
    assert found.value.message == "task 'sums' (select) exists with 2 other queries"
    assert found.value.hint == "Use --replace to make these its next revision."
    report = ingest.add_task(cat, "sums", changed, replace=True)
    assert (report.added, report.task.revision, report.task.task_id) == (True, 2, 2)
    assert rows(cat, "select task_id, messages[1].content from query order by query_id") == [
        (1, "a"),
        (1, "b"),
        (2, "b"),
        (2, "a"),
    ]
    assert not ingest.add_task(cat, "sums", changed).added


def test_a_task_may_have_both_roles(cat: Catalog, write_jsonl: Write) -> None:
    ingest.add_task(cat, "sums", write_jsonl("t.jsonl", [question("a")]))
    report = ingest.add_task(cat, "sums", write_jsonl("h.jsonl", [question("b")]), role="heldout")
    assert (report.task.role, report.task.revision) == ("heldout", 1)
    assert {(task["name"], task["role"]) for task in cat.tasks()} == {
        ("sums", "heldout"),
        ("sums", "select"),
    }


def test_a_task_is_read_in_any_format(cat: Catalog, tmp_path: Path, write_jsonl: Write) -> None:
    given = [{"instruction": "Add.", "input": "1, 2"}, {"instruction": "Stop.", "output": "ok"}]
    (tmp_path / "t.json").write_text(json.dumps(given, indent=1))
    ingest.add_task(cat, "listed", tmp_path / "t.json")
    prompts = [{"prompt": "Add.\n\n1, 2"}, {"prompt": "Stop.", "completion": "ok"}]
    path = write_jsonl("t.jsonl", prompts)
    ingest.add_task(cat, "prompts", path, format="prompt-completion")
    [(one,), (other,)] = rows(cat, "select digest from task")
    assert one == other


def test_a_query_that_cannot_be_used_refuses_the_whole_set(cat: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(f"{json.dumps(question('a'))}\n\n{json.dumps(question(''))}\n[]\n")
    with pytest.raises(RefusedRows) as found:
        ingest.add_task(cat, "sums", path)
    assert found.value.message == (
        "2 queries cannot be used, the first at t.jsonl:3: empty user content (message 0)"
    )
    assert cat.tasks() == []


def test_a_file_without_queries_is_no_task(cat: Catalog, tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text("\n")
    with pytest.raises(InvalidInput, match="holds no query"):
        ingest.add_task(cat, "sums", tmp_path / "t.jsonl")


def test_a_missing_file_is_an_error(cat: Catalog, tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match="no file or folder at"):
        ingest.add_task(cat, "sums", tmp_path / "gone.jsonl")


def test_an_unknown_role_is_an_error(cat: Catalog, write_jsonl: Write) -> None:
    path = write_jsonl("t.jsonl", [question("a")])
    with pytest.raises(InvalidInput) as found:
        ingest.add_task(cat, "sums", path, role="test")  # type: ignore[arg-type]
    assert (found.value.message, found.value.hint) == ("no role 'test'", "Roles: select, heldout.")


@pytest.mark.parametrize("name", ["", " ", " a", "a ", "a:b", "a@1", "a/b", "a\nb", "a\0b"])
def test_a_name_that_could_be_mistaken_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as found:
        check_name(name)
    assert found.value.message == f"{name!r} cannot be a name"


@pytest.mark.parametrize("name", ["a", "gsm8k", "two words", "日本語", "a-b_c.d"])
def test_most_names_will_do(name: str) -> None:
    check_name(name)
