"""The report: one page that says what a run was shown, and what is not recorded."""

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import ingest
from catalog import Catalog
from catalog.cli import cli
from catalog.errors import InvalidInput, OutputExists, UnknownName
from catalog.ledger import Ledger
from catalog.report import drawing, html, wording

WriteJsonl = Callable[..., Path]
LEAK = "which of the seven bridges over the river was built before the old stone mill burned down"


def row(number: int, text: str) -> dict[str, Any]:
    return {
        "id": f"row-{number}",
        "messages": [
            {"role": "user", "content": text},
            {"role": "assistant", "content": f"answer {number}"},
        ],
    }


@pytest.fixture
def hashes(cat: Catalog, write_jsonl: WriteJsonl) -> list[str]:
    """A pool of two sources, one of which holds a test item first, and its hashes in order."""
    first = [row(number, LEAK if number == 0 else f"question {number}") for number in range(6)]
    ingest.load(cat, [write_jsonl("a.jsonl", first)], source="a<b", license="apache-2.0")
    second = [row(number, f"question {number}") for number in range(6, 10)]
    ingest.load(cat, [write_jsonl("b.jsonl", second)], source="silent")
    statement = "select hash from pool join appearance using (sample_id) order by external_id"
    return [one["hash"] for one in cat.sql(statement).to_pylist()]


def train(cat: Catalog, run: str, hashes: list[str], steps: range, **about: Any) -> dict[str, Any]:
    """Show two samples in each step, the first two first, and note a checkpoint at the end."""
    with Ledger(cat.home.path, run, world_size=1, **about) as ledger:
        for step in steps:
            shown = [hashes[(2 * step - 2 + place) % len(hashes)] for place in range(2)]
            ledger.record(shown, step=step, tokens=[5, 5], loss_tokens=[2, 0])
            ledger.end_step(step)
        return ledger.checkpoint(steps[-1], f"/models/{run}-{steps[-1]}")


def killed_and_resumed(cat: Catalog, run: str, hashes: list[str], **about: Any) -> None:
    saved = train(cat, run, hashes, range(1, 4), **about)
    with Ledger(cat.home.path, run, resumed=saved, world_size=1) as ledger:
        ledger.record([hashes[9]], step=4)
    train(cat, run, hashes, range(4, 8), resumed=saved)
    cat.import_runs()


class Text(HTMLParser):
    """What a page shows, and what it would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def parsed(page: str) -> Text:
    found = Text()
    found.feed(page)
    return found


def test_it_says_how_much_is_recorded_before_anything_else(cat: Catalog, hashes: list[str]) -> None:
    cat.select("all", method="random", size=10)
    killed_and_resumed(cat, "run", hashes, snapshot="all@1", model="tiny")
    report = cat.report("run")
    assert wording.answer(report) == [
        "It was shown 10 samples in 14 exposures, 7 of which contributed to its weights: 70 tokens,"
        " 14 with a loss.",
        "Of the 10 members of all@1 it was shown 10.",
        "Nothing was checked for test items, so whether it was shown any is not known.",
        "Licences of its sources: apache-2.0; not told for silent.",
    ]
    assert wording.which(report) == (
        "What led to the model after step 7 of attempt 2, through 2 attempts; "
        "1 attempt did not lead to it."
    )
    page = html(report)
    told = "100.0% of optimizer steps recorded (steps 1 to 7 of attempt 2)"
    assert page.index(told) < page.index("It was shown 10 samples") < page.index("apache-2.0")
    assert html(cat.report("run")) == page


def test_samples_are_new_once_and_then_shown_again(cat: Catalog, hashes: list[str]) -> None:
    killed_and_resumed(cat, "run", hashes)
    report = cat.report("run")
    counted = [(one["first_step"], one["new_samples"], one["again"]) for one in report.over_time]
    assert counted == [(step, 2, 0) for step in range(1, 6)] + [(6, 0, 2), (7, 0, 2)]
    assert report.often == [{"times": 1, "samples": 6}, {"times": 2, "samples": 4}]
    report = cat.report("run", attempt=1)
    assert [one["exposures"] for one in report.over_time] == [2, 2, 2, 1]
    report = cat.report("run", step=2)
    assert [one["last_step"] for one in report.over_time] == [1, 2]
    assert "after step 2 of attempt 2" in wording.which(report)


def test_many_steps_are_put_together_in_ranges(cat: Catalog, hashes: list[str]) -> None:
    train(cat, "long", hashes, range(1, 152))
    cat.import_runs()
    ranges = cat.report("long").over_time
    assert [(one["first_step"], one["last_step"]) for one in ranges[:2]] == [(1, 3), (4, 6)]
    assert (len(ranges), sum(one["exposures"] for one in ranges)) == (51, 302)


def test_test_items_are_named_with_their_steps_and_checkpoints(
    cat: Catalog, hashes: list[str], write_jsonl: WriteJsonl
) -> None:
    items = [{"id": "bridges", "messages": [{"role": "user", "content": LEAK}]}]
    ingest.add_task(cat, "rivers", write_jsonl("task.jsonl", items), role="heldout", check=False)
    killed_and_resumed(cat, "run", hashes)
    assert "Nothing was checked against rivers (heldout)." in wording.gaps(cat.report("run"))
    cat.decontaminate(["rivers"], ngram=8)
    report = cat.report("run")
    assert wording.contamination(report) == (
        "It was shown what overlaps 1 item of rivers (heldout) through 1 sample, from step 1 on."
    )
    [met] = report.marked
    assert (met["item"], met["hash"], met["first_step"], met["last_step"], met["exposures"]) == (
        "bridges",
        hashes[0],
        1,
        6,
        2,
    )
    places = [(one["attempt"], one["step"], one["on_the_way"]) for one in report.checkpoints]
    assert places == [(0, 3, True), (2, 7, True)]
    assert [one["met"] for one in report.checkpoints] == [1, 1]
    on_branch = [one["on_the_way"] for one in cat.report("run", attempt=1).checkpoints]
    assert on_branch == [True, False]


def test_a_run_without_a_ledger_says_so_and_claims_nothing(cat: Catalog) -> None:
    cat.start_run("empty", model="tiny")
    report = cat.report("empty")
    assert wording.answer(report) == []
    assert wording.gaps(report)[0] == (
        "No ledger of this run was imported: what it was shown is not known."
    )
    page = html(report)
    assert "Nothing is recorded: this is not “not seen”" in page
    assert "so whether test items were in it is not known" in page
    assert "<table" not in page


def test_what_is_missing_is_listed(cat: Catalog, hashes: list[str]) -> None:
    with Ledger(cat.home.path, "part", 1, world_size=2, snapshot="gone@3") as ledger:
        ledger.record([hashes[0], "ab" * 32], step=1)
    cat.import_runs()
    report = cat.report("part")
    gaps = wording.gaps(report)
    for gap in (
        "1 optimizer step not recorded in full.",
        "1 data-parallel rank left no ledger.",
        "1 exposure of samples that this catalog does not know.",
        "2 exposures without a number of tokens.",
        "The hash of its tokenizer is not told.",
        "No evaluation was taken in.",
    ):
        assert gap in gaps
    assert "What gone@3 promised cannot be told: it is not in this catalog." in wording.answer(
        report
    )
    assert 'class="answer partial"' in html(report)


def test_nothing_of_a_run_is_markup_and_nothing_is_fetched(cat: Catalog, hashes: list[str]) -> None:
    run = "<script>alert(1)"
    killed_and_resumed(
        cat, run, hashes, model="<img src=x>", config={"<b>": "</td><script>", "n": {"k": 1}}
    )
    cat.start_run("child<i>", model="m", parent=run)
    found = parsed(html(cat.report(run)))
    assert not found.tags & {"script", "img", "i", "b", "link", "iframe"}
    assert found.links == []
    for text in (run, "<img src=x>", "a<b", "</td><script>", "n.k", "child<i>"):
        assert any(text in shown for shown in found.texts), text


def test_an_attempt_that_was_configured_otherwise_is_named(cat: Catalog, hashes: list[str]) -> None:
    saved = train(cat, "run", hashes, range(1, 3), config={"lr": 0.1, "packing": True})
    train(cat, "run", hashes, range(3, 5), config={"lr": 0.2, "packing": True}, resumed=saved)
    train(cat, "run", hashes, range(5, 6))
    cat.import_runs()
    assert drawing.changed(cat.report("run")) == [("attempt 1", "lr", "0.2")]


def test_the_tree_of_attempts_shows_what_was_undone(cat: Catalog, hashes: list[str]) -> None:
    killed_and_resumed(cat, "run", hashes)
    page = html(cat.report("run"))
    told = re.findall(r"<title>(step[^<]*(?:led|did not lead) to this model)</title>", page)
    assert told == [
        "steps 1 to 3 did not lead to this model",
        "steps 1 to 3 led to this model",
        "step 4 did not lead to this model",
        "steps 4 to 7 did not lead to this model",
        "steps 4 to 7 led to this model",
    ]
    assert "went on from step 3 of attempt 0, steps 4 to 7" in page


def test_the_command_writes_a_page_and_replaces_none_unasked(
    cat: Catalog, hashes: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_and_resumed(cat, "run", hashes)
    monkeypatch.chdir(tmp_path)
    home = ["--home", str(cat.home.path)]
    done = CliRunner().invoke(cli, ["report", "run", *home])
    assert done.output.splitlines() == [
        "100.0% of optimizer steps recorded (steps 1 to 7 of attempt 2)",
        "as a page: run.html",
    ]
    assert (tmp_path / "run.html").read_text() == html(cat.report("run"))
    assert CliRunner().invoke(cli, ["report", "run", *home]).exit_code == 0  # the same content
    (tmp_path / "run.html").write_text("mine")
    done = CliRunner().invoke(cli, ["report", "run", *home])
    assert (done.exit_code, (tmp_path / "run.html").read_text()) == (1, "mine")
    done = CliRunner().invoke(cli, ["report", "run", *home, "--overwrite", "--json"])
    assert json.loads(done.output)["audit"]["run"] == "run"
    assert (tmp_path / "run.html").read_text() == html(cat.report("run"))


def test_what_cannot_be_reported_or_written_is_named(
    cat: Catalog, hashes: list[str], tmp_path: Path
) -> None:
    killed_and_resumed(cat, "run", hashes)
    with pytest.raises(UnknownName, match="no run named 'ruin'"):
        cat.report("ruin")
    with pytest.raises(UnknownName, match="no attempt 7 of the run 'run'"):
        cat.report("run", attempt=7)
    with pytest.raises(InvalidInput, match="step 99 of the run 'run' is not recorded"):
        cat.report("run", step=99, output=tmp_path / "page.html")
    with pytest.raises(OutputExists, match="is not a file"):
        cat.report("run", output=tmp_path)
    assert not (tmp_path / "page.html").exists()
