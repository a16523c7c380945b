"""The demo's files: what is in them, what is kept apart, and that they come out the same."""

import json
import os
import subprocess
import sys
from collections import Counter
from itertools import islice
from operator import add, floordiv, mul, sub
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import TooFewSamples
from ingest.demo import DemoFiles, contents, write_demo
from ingest.demo.arithmetic import conversations, result, working
from ingest.demo.conversation import ANSWER_CHARACTERS, whole_sentences
from ingest.demo.documentation import read_entries, summarize

Row = dict[str, Any]
Turns = tuple[tuple[str, str], ...]

ROOT = Path(__file__).parents[1]
ROLES = {"system", "user", "assistant"}
TASKS = ["arithmetic", "concurrency", "text_processing"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoFiles:
    return write_demo(tmp_path_factory.mktemp("demo"))


def usable(row: Row) -> bool:
    roles = [message["role"] for message in row["messages"]]
    contents = [message["content"] for message in row["messages"]]
    readable = all(content and "\x00" not in content for content in contents)
    return readable and set(roles) <= ROLES and roles[-1] == "assistant" and "user" in roles


def rows(path: Path) -> list[Row]:
    """Return the rows of a file that a catalog can keep."""
    found: list[Row] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return [row for row in found if usable(row)]


def pool_rows(demo: DemoFiles) -> list[Row]:
    return [row for path in demo.pool.values() for row in rows(path)]


def task_rows(demo: DemoFiles) -> list[Row]:
    return [row for path in [*demo.tasks.values(), *demo.heldout.values()] for row in rows(path)]


def turns(row: Row) -> Turns:
    return tuple((message["role"], message["content"]) for message in row["messages"])


def prompt(row: Row) -> str:
    return next(content for role, content in turns(row) if role == "user")


def written(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.jsonl"))
    }


def test_the_pool_has_ten_sources_and_as_many_samples_as_it_says(demo: DemoFiles) -> None:
    assert list(demo.pool) == [
        "pydoc_text",
        "pydoc_concurrency",
        "pydoc_numbers",
        "pydoc_files",
        "pydoc_network",
        "pydoc_data",
        "pydoc_tools",
        "pydoc_language_topics",
        "arithmetic",
        "web_scrape",
    ]
    assert len(pool_rows(demo)) == demo.samples
    assert 3_300 <= demo.samples <= 3_800


def test_sources_that_do_not_hang_on_the_python_build_have_their_full_size(
    demo: DemoFiles,
) -> None:
    sizes = {source: len(rows(path)) for source, path in demo.pool.items()}
    assert sizes["arithmetic"] == 320
    assert sizes["pydoc_language_topics"] == 520
    assert sizes["web_scrape"] == 30


def test_every_row_has_the_schema_of_its_file(demo: DemoFiles) -> None:
    for files in (demo.pool, demo.tasks, demo.heldout):
        for name, path in files.items():
            for row in rows(path):
                assert sorted(row) == ["dataset", "id", "messages", "meta"]
                assert row["dataset"] == name
                assert row["id"].startswith(f"{name}_")
                assert all(sorted(message) == ["content", "role"] for message in row["messages"])


def test_ids_are_unique_and_count_from_zero(demo: DemoFiles) -> None:
    for source, path in demo.pool.items():
        ids = [row["id"] for row in rows(path)]
        assert ids == [f"{source}_{position}" for position in range(len(ids))]


def test_text_is_written_as_it_is_read_not_escaped(demo: DemoFiles) -> None:
    assert "“" in demo.pool["pydoc_language_topics"].read_text(encoding="utf-8")


def test_samples_are_short_whole_and_on_one_line(demo: DemoFiles) -> None:
    answers = [turns(row)[-1][1] for row in pool_rows(demo)]
    assert max(map(len, answers)) <= ANSWER_CHARACTERS
    assert 110 <= sum(map(len, answers)) / len(answers) <= 160
    assert not [answer for answer in answers if "\n" in answer or answer != answer.strip()]
    assert not [answer for answer in answers if answer.endswith(":")]


def test_some_samples_have_several_turns_and_some_a_system_turn(demo: DemoFiles) -> None:
    pool = pool_rows(demo)
    roles = [[role for role, _ in turns(row)] for row in pool]
    assert 0.05 <= sum(found.count("user") == 2 for found in roles) / len(pool) <= 0.08
    assert 0.03 <= sum(found[0] == "system" for found in roles) / len(pool) <= 0.07


def test_prompts_are_worded_in_many_ways(demo: DemoFiles) -> None:
    openings = {" ".join(prompt(row).split()[:2]) for row in pool_rows(demo)}
    assert len(openings) > 100


def test_about_one_sample_in_a_hundred_is_an_exact_duplicate_from_another_source(
    demo: DemoFiles,
) -> None:
    pool = pool_rows(demo)
    copies = {found: count for found, count in Counter(map(turns, pool)).items() if count > 1}
    assert 15 <= sum(copies.values()) - len(copies) <= 50
    for found in copies:
        sources = [row["dataset"] for row in pool if turns(row) == found]
        assert len(set(sources)) == len(sources)


def test_five_rows_of_the_scraped_source_are_beyond_use(demo: DemoFiles) -> None:
    lines = demo.pool[demo.bad_source].read_text(encoding="utf-8").splitlines()
    assert (demo.bad_source, demo.bad_rows, len(lines)) == ("web_scrape", 5, 35)
    cut = [line for line in lines if not line.endswith("}")]
    refused = [row["id"] for row in map(json.loads, set(lines) - set(cut)) if not usable(row)]
    assert [line[:23] for line in cut] == ['{"id": "web_scrape_cut"']
    assert sorted(refused) == [
        "web_scrape_empty_prompt",
        "web_scrape_no_answer",
        "web_scrape_nul",
        "web_scrape_unknown_role",
    ]
    others = [source for source in demo.pool if source != demo.bad_source]
    for source in others:
        assert len(rows(demo.pool[source])) == demo.pool[source].read_bytes().count(b"\n")


def test_every_task_has_twelve_queries_and_forty_eight_heldout_items(demo: DemoFiles) -> None:
    assert sorted(demo.tasks) == sorted(demo.heldout) == TASKS
    assert [len(rows(demo.tasks[task])) for task in TASKS] == [12, 12, 12]
    assert [len(rows(demo.heldout[task])) for task in TASKS] == [48, 48, 48]


def test_samples_made_like_a_task_are_a_minority_of_the_pool(demo: DemoFiles) -> None:
    for source in ("arithmetic", "pydoc_text", "pydoc_concurrency"):
        assert 0.05 <= len(rows(demo.pool[source])) / demo.samples <= 0.12


def test_queries_and_heldout_items_share_no_prompt_and_no_answer(demo: DemoFiles) -> None:
    items = task_rows(demo)
    assert len({prompt(row) for row in items}) == len(items) == 180
    assert len({turns(row)[-1] for row in items}) == 180


def test_the_pool_holds_the_planted_item_once_and_nothing_else_of_the_tasks(
    demo: DemoFiles,
) -> None:
    items = task_rows(demo)
    prompts = {prompt(row) for row in items}
    answers = {turns(row)[-1][1] for row in items}
    shared = [
        row["id"]
        for row in pool_rows(demo)
        if prompt(row) in prompts or turns(row)[-1][1] in answers
    ]
    assert shared == ["web_scrape_17"]


def test_the_planted_item_is_the_heldout_item_it_says_it_is(demo: DemoFiles) -> None:
    planted = demo.planted
    assert (planted.task, planted.source, planted.pool_id) == (
        "concurrency",
        "web_scrape",
        "web_scrape_17",
    )
    (in_pool,) = [row for row in rows(demo.pool[planted.source]) if row["id"] == planted.pool_id]
    (item,) = [row for row in rows(demo.heldout[planted.task]) if row["id"] == planted.heldout_id]
    assert turns(in_pool) == turns(item)
    assert turns(item) == (("user", planted.prompt), ("assistant", planted.answer))


def test_the_same_seed_gives_the_same_bytes_and_replaces_earlier_files(tmp_path: Path) -> None:
    write_demo(tmp_path / "once", seed=7)
    first = written(tmp_path / "once")
    write_demo(tmp_path / "once", seed=7)
    assert len(first) == 16
    assert written(tmp_path / "once") == first


def test_another_seed_gives_other_questions(demo: DemoFiles, tmp_path: Path) -> None:
    other = write_demo(tmp_path, seed=1)
    assert rows(other.tasks["arithmetic"]) != rows(demo.tasks["arithmetic"])
    assert prompt(rows(other.tasks["concurrency"])[0]) not in {
        prompt(row) for row in rows(demo.tasks["concurrency"])
    }


def test_another_process_writes_the_same_bytes_and_warns_of_nothing(
    demo: DemoFiles, tmp_path: Path
) -> None:
    program = "import sys, pathlib, ingest.demo as d; d.write_demo(pathlib.Path(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert written(tmp_path) == written(demo.pool["arithmetic"].parents[1])


def test_a_python_without_documentation_is_told_apart_from_a_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(contents, "read_entries", lambda names: [])
    with pytest.raises(TooFewSamples, match="documents 0 names of a theme, the demo needs 60"):
        write_demo(tmp_path)


def test_a_module_this_python_lacks_is_passed_over() -> None:
    assert read_entries(["no_such_module"]) == []
    names = [entry.name for entry in read_entries(["no_such_module", "textwrap"])]
    assert "textwrap.dedent" in names


def test_signatures_leave_self_out_and_hold_no_address() -> None:
    entries = {entry.name: entry for entry in read_entries(["threading", "str"])}
    assert entries["threading.Event.wait"].signature == "threading.Event.wait(timeout=None)"
    assert entries["threading.Thread.daemon"].signature is None
    assert not [entry for entry in entries.values() if " at 0x" in str(entry.signature)]


def test_a_summary_stops_before_lists_and_examples() -> None:
    assert summarize("Do it.\n\n- one\n- two") == "Do it."
    assert summarize("Do it. These are known:\n\n    one") == "Do it."
    assert summarize("Use :func:`open` for it.") == "Use `open` for it."
    assert summarize("call(x) -> int") == ""


def test_a_first_sentence_too_long_to_keep_leaves_nothing() -> None:
    assert whole_sentences("A sentence of many words. And more.", limit=10) == ""


def test_every_sum_in_the_arithmetic_comes_out() -> None:
    assert working(23, "*", 14) == "23 * 14 = 23 * 10 + 23 * 4 = 230 + 92 = 322"
    assert working(300, "-", 42) == "300 - 42 = 300 - 40 - 2 = 258"
    assert result(84, "/", 7) == 12
    operations = {"+": add, "-": sub, "*": mul, "/": floordiv}
    for problem in islice(conversations(seed=3), 200):
        a, operator, b = problem.about.split(maxsplit=2)
        if operator in operations and len(problem.messages) == 2:
            assert problem.answer.endswith(f" {operations[operator](int(a), int(b))}.")
