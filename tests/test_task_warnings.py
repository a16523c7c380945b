"""Adding a task warns at once of what it overlaps, and of test splits that came as queries."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import ingest
from catalog import Catalog
from catalog.cli import cli
from catalog.progress import Tick
from tests.conftest import talk

Write = Callable[..., Path]

LONG = (
    "An orchard of {0} pear trees gives {1} crates in a dry autumn, and {3} more in a wet one; "
    "how many crates does the {2} family store when it rains?"
)
TRUTHS = [
    (12, 30, "Moreau", "ten"),
    (25, 81, "Okafor", "twenty"),
    (7, 18, "Lindqvist", "six"),
    (40, 99, "Tanaka", "thirty"),
]


def pears(number: int) -> str:
    return LONG.format(*TRUTHS[number])


def told(report: Any) -> list[tuple[str, str]]:
    return [(warning.kind, warning.message) for warning in report.warnings]


def test_queries_that_are_held_out_items_are_told(cat: Catalog, write_jsonl: Write) -> None:
    heldout = write_jsonl("h.jsonl", [talk(pears(0)), talk(pears(1)), talk("Is it?", "No.")])
    assert told(ingest.add_task(cat, "pears", heldout, role="heldout")) == []
    queries = [talk(f"Q: {pears(1)}", "Some."), talk(pears(2)), talk("Is it?", "No.")]
    report = ingest.add_task(cat, "pears", write_jsonl("q.jsonl", queries))
    assert told(report) == [
        ("tasks", "2 of its 3 queries overlap 2 held-out items of pears"),
    ]
    [warning] = report.warnings
    assert (warning.items, warning.others) == (2, 2)
    assert [example.evidence.split()[:4] for example in warning.examples] == [
        ["an", "orchard", "of", "25"],
        ["the", "whole", "of", "it"],
    ]
    assert warning.examples[0].other == f"{pears(1)}\nYes."


def test_held_out_items_that_are_queries_of_any_task_are_told(
    cat: Catalog, write_jsonl: Write
) -> None:
    ingest.add_task(cat, "fruit", write_jsonl("q.jsonl", [talk(pears(3))]))
    path = write_jsonl("h.jsonl", [talk(pears(3)), talk(pears(0))])
    assert told(ingest.add_task(cat, "pears", path, role="heldout")) == [
        ("tasks", "1 of its 2 held-out items overlaps 1 query of fruit")
    ]


def test_overlaps_with_the_pool_are_told_with_examples(cat: Catalog, write_jsonl: Write) -> None:
    pool = [
        talk(f"Help me. {pears(0)}", "No.", dataset="a"),
        talk("Do it again.", pears(0), dataset="a"),
        talk("Is he?", "No.", dataset="a"),
        talk("Nothing of the kind.", dataset="a"),
    ]
    ingest.load(cat, [write_jsonl("pool.jsonl", pool)])
    ticks: list[Tick] = []
    path = write_jsonl("q.jsonl", [talk(pears(0)), talk("Is he?", "No."), talk("Is she?", "No.")])
    report = ingest.add_task(cat, "pears", path, progress=ticks.append)
    assert told(report) == [("pool", "2 of its 3 queries overlap 3 samples of the pool")]
    assert report.warnings[0].examples[0].item == f"{pears(0)}\nYes."
    assert ticks[-1].fraction == 1.0


def test_a_task_that_is_clean_or_was_there_warns_of_nothing(
    cat: Catalog, write_jsonl: Write
) -> None:
    path = write_jsonl("q.jsonl", [talk(pears(0)), talk(pears(1))])
    ingest.load(cat, [write_jsonl("pool.jsonl", [talk(pears(2), dataset="a")])])
    assert ingest.add_task(cat, "pears", path).warnings == []
    ingest.load(cat, [write_jsonl("more.jsonl", [talk(pears(0), dataset="a")])])
    again = ingest.add_task(cat, "pears", path)
    assert (again.added, again.warnings) == (False, [])


@pytest.mark.parametrize(
    ("name", "file", "fields", "told_reason"),
    [
        ("sums", "q.jsonl", {"split": "test"}, "2 of its 2 queries say they are of split 'test'"),
        ("sums", "q.jsonl", {"meta": {"split": "test"}}, "say they are of split 'test'"),
        ("sums", "sums-test.jsonl", {}, "its file is called sums-test.jsonl"),
    ],
)
def test_queries_that_look_like_a_test_split_are_told(
    cat: Catalog, write_jsonl: Write, name: str, file: str, fields: Any, told_reason: str
) -> None:
    rows = [talk(pears(0), **fields), talk(pears(1), **fields)]
    [(kind, message)] = told(ingest.add_task(cat, name, write_jsonl(file, rows)))
    assert (kind, told_reason in message) == ("test split", True)
    assert told(ingest.add_task(cat, "other", write_jsonl("dev.jsonl", [talk(pears(2))]))) == []


def test_a_name_that_means_a_test_split_elsewhere_is_told_if_it_is_as_large(
    cat: Catalog, write_jsonl: Write
) -> None:
    rows = [talk(f"{number} apples?") for number in range(501)]
    [(kind, message)] = told(ingest.add_task(cat, "gsm8k", write_jsonl("q.jsonl", rows)))
    assert (kind, "it has 501 queries" in message) == ("test split", True)
    assert told(ingest.add_task(cat, "apples", write_jsonl("q.jsonl", rows))) == []


def test_held_out_items_may_be_a_test_split(cat: Catalog, write_jsonl: Write) -> None:
    path = write_jsonl("test.jsonl", [talk(pears(0), split="test")])
    assert ingest.add_task(cat, "pears", path, role="heldout").warnings == []


def test_the_command_warns_and_succeeds(cat: Catalog, write_jsonl: Write) -> None:
    def run(*words: object) -> Result:
        return CliRunner().invoke(cli, ["--home", str(cat.home.path), *map(str, words)])

    heldout = write_jsonl("h.jsonl", [talk(pears(0))])
    assert run("tasks", "add", "pears", heldout, "--role", "heldout").stderr == ""
    queries = write_jsonl("q.jsonl", [talk(pears(0))])
    shown = run("tasks", "add", "pears", queries)
    assert shown.exit_code == 0
    assert "Warning: 1 of its 1 queries overlaps 1 held-out item of pears" in shown.stderr
    assert "both have: an orchard of 12 pear trees" in shown.stderr
    more = run("tasks", "add", "pears", heldout, "--replace", "--json")
    assert json.loads(more.stdout)["warnings"] == []
    other = run("tasks", "add", "other", queries, "--json", "--no-check")
    assert json.loads(other.stdout)["warnings"] == []
    last = run("tasks", "add", "third", queries, "--json")
    assert [warning["kind"] for warning in json.loads(last.stdout)["warnings"]] == ["tasks"]


def test_an_interrupt_of_the_look_leaves_the_task_added(cat: Catalog, write_jsonl: Write) -> None:
    def stop(tick: Tick) -> None:
        raise KeyboardInterrupt

    ingest.load(cat, [write_jsonl("pool.jsonl", [talk(pears(2), dataset="a")])])
    with pytest.raises(KeyboardInterrupt):
        ingest.add_task(cat, "pears", write_jsonl("q.jsonl", [talk(pears(0))]), progress=stop)
    assert [task["name"] for task in cat.tasks()] == ["pears"]
