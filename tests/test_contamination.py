"""The contamination gate: what it marks, what it leaves, and what it says of itself."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import ingest
from catalog import Catalog
from catalog.cli import cli
from catalog.contamination.items import Item
from catalog.contamination.paraphrases import STRENGTHS, plant
from catalog.contamination.reading import PoolTexts
from catalog.errors import InvalidInput, MissingVectors, UnknownName
from catalog.progress import Tick
from catalog.sql import load
from catalog.store import Store
from tests.conftest import SHARED, Row, talk
from tests.tiny import add_vectors

Write = Callable[..., Path]

INSTRUCTION = "Read the question about ships with care and then answer it in one word."
QUESTION = (
    "A harbour master counts {0} barges, {1} tugs and {2} ferries before the fog over the {3} "
    "estuary lifts; how many vessels must the pilot guide past the breakwater?"
)
ANSWER = (
    "Adding the {0} barges to the {1} tugs and then the {2} ferries on the {3} estuary shows how "
    "many vessels there are in all."
)
RIVERS = ["Humber", "Tagus", "Gironde", "Elbe", "Severn", "Plate", "Hudson", "Orwell"]


def item(number: int) -> Row:
    """A held-out item with its task's instruction."""
    facts = (number + 3, number + 11, number + 23, RIVERS[number])
    return talk(f"{INSTRUCTION}\n{QUESTION.format(*facts)}", ANSWER.format(*facts))


def question(number: int) -> str:
    return QUESTION.format(number + 3, number + 11, number + 23, RIVERS[number])


POOL = {
    "clean": talk("Tell me of barges and tugs.", "They float."),
    "instruction": talk(f"{INSTRUCTION} Who built the ark?", "Noah."),
    "question": talk(f"Homework! {question(0).upper()} Thanks.", "Some."),
    "answer": talk("Is this right?", ANSWER.format(4, 12, 24, "Tagus")),
    "capital": talk("What is the capital city of Peru?", "Lima."),
    "inside": talk("Tell me what is the capital city of Peru like in May", "Mild."),
    "yes": talk("Is it?", "Yes."),
}
SHORT = [talk(f"{INSTRUCTION}\nWhat is the capital city of Peru?", "Lima."), talk("Is he?", "Yes.")]


@pytest.fixture
def harbour(cat: Catalog, write_jsonl: Write) -> Catalog:
    """A pool of seven samples, and a task `ships` with eight and two held-out items."""
    rows = [{**row, "id": name, "dataset": name[:1]} for name, row in POOL.items()]
    ingest.load(cat, [write_jsonl("pool.jsonl", rows)])
    items = [item(number) for number in range(len(RIVERS))] + SHORT
    path = write_jsonl("ships.jsonl", items)
    ingest.add_task(cat, "ships", path, role="heldout", check=False)
    return cat


def marks(cat: Catalog, columns: str = "a.external_id, c.kind, c.part") -> list[tuple[Any, ...]]:
    """What the view `contaminated` holds, in order."""
    found = cat.sql(
        f"select distinct {columns} from contaminated as c "
        "join appearance as a on a.sample_id = c.sample_id order by all"
    )
    return [tuple(row.values()) for row in found.to_pylist()]


def test_questions_answers_and_short_questions_are_marked_and_nothing_else(
    harbour: Catalog,
) -> None:
    found = harbour.decontaminate()
    assert (found.samples, found.marked) == (7, 3)
    assert marks(harbour) == [
        ("answer", "ngram", "answer"),
        ("capital", "whole", "question"),
        ("question", "ngram", "question"),
    ]


def test_a_mark_names_the_item_its_score_and_the_words_that_both_have(harbour: Catalog) -> None:
    harbour.decontaminate()
    best = "a.external_id, q.position, c.score, c.evidence"
    found = harbour.sql(
        f"select {best} from contaminated as c join query as q on q.query_id = c.query_id "
        "join appearance as a on a.sample_id = c.sample_id "
        "qualify row_number() over (partition by a.external_id order by c.score desc) = 1 "
        "order by a.external_id"
    ).to_pylist()
    assert [(row["external_id"], row["position"], row["score"]) for row in found] == [
        ("answer", 1, 1.0),
        ("capital", 8, 1.0),
        ("question", 0, 22 / 26),  # the runs that begin in the instruction are not there
    ]
    assert [row["evidence"].split()[:5] for row in found] == [
        ["adding", "the", "4", "barges", "to"],
        ["what", "is", "the", "capital", "city"],
        ["a", "harbour", "master", "counts", "3"],
    ]


def test_a_report_says_what_could_not_be_looked_for(harbour: Catalog) -> None:
    [report] = harbour.decontaminate().tasks
    found = report.findings
    assert (found.items, found.unchecked, found.generic) == (10, 1, 0)
    assert found.too_short == {"question": 1, "answer": 2}
    assert found.boilerplate["question"][0] == [
        f"{INSTRUCTION[:-1].lower()} a harbour master counts",
        8,
    ]
    assert report.by_source == [
        {"source": "a", "samples": 1, "items": 1},
        {"source": "c", "samples": 1, "items": 1},
        {"source": "q", "samples": 1, "items": 1},
    ]


def test_leaks_are_planted_in_every_strength_and_never_stored(harbour: Catalog) -> None:
    before = harbour.sql("select count(*) as n from sample").to_pylist()
    [report] = harbour.decontaminate().tasks
    recall = {one.strength: (one.by_words, one.planted) for one in report.findings.recall}
    assert list(recall) == [strength.name for strength in STRENGTHS]
    assert recall["verbatim"] == (9, 10), "all but the one that is too short"
    assert recall["reworded"] == (0, 10)
    assert {one.encoded for one in report.findings.recall} == {0}
    assert harbour.sql("select count(*) as n from sample").to_pylist() == before


def test_planting_is_the_same_each_time_and_stronger_changes_more() -> None:
    whole = Item(5, {"question": " ".join(f"w{number}" for number in range(60)), "answer": ""})
    shared = []
    for strength in STRENGTHS:
        planted = plant(whole, strength, 0)
        assert planted == plant(whole, strength, 0)
        assert planted.texts["answer"] == ""
        shared.append(_longest_run(planted.texts["question"].lower().split(), 60))
    assert shared[:3] == [60, 60, 60]
    assert shared[3] > shared[4] > shared[5]


def _longest_run(found: list[str], count: int) -> int:
    best = run = 0
    for first, second in zip(["", *found], [*found, ""], strict=True):
        follows = first[1:].isdecimal() and second == f"w{int(first[1:]) + 1}"
        run = run + 1 if follows else 1
        best = max(best, run)
    return min(best, count)


def test_the_same_check_again_is_not_done_again(harbour: Catalog) -> None:
    first, again = harbour.decontaminate(), harbour.decontaminate(["ships"])
    assert [report.fresh for report in (*first.tasks, *again.tasks)] == [True, False]
    assert first.tasks[0].check_id == again.tasks[0].check_id == 1
    assert first.tasks[0].findings == again.tasks[0].findings
    [job] = [job for job in harbour.jobs() if job["kind"] == "decontaminate"]
    assert job["status"] == "finished"


def test_the_newest_check_counts(harbour: Catalog, write_jsonl: Write) -> None:
    harbour.decontaminate()
    harbour.decontaminate(ngram=50)
    assert marks(harbour) == [("capital", "whole", "question"), ("question", "whole", "question")]
    harbour.decontaminate()
    assert len(marks(harbour)) == 3
    late = write_jsonl("late.jsonl", [talk(f"Late: {question(5)}", id="late", dataset="l")])
    ingest.load(harbour, [late])
    assert harbour.decontaminate().tasks[0].samples == 4
    assert harbour.sql("select max(check_id) as c from contaminated").to_pylist() == [{"c": 4}]


def test_a_replaced_task_is_checked_anew(harbour: Catalog, write_jsonl: Write) -> None:
    harbour.decontaminate()
    other = write_jsonl(
        "other.jsonl", [item(1), *(talk(f"{INSTRUCTION}\nWho {did}?") for did in ("sank", "swam"))]
    )
    ingest.add_task(harbour, "ships", other, role="heldout", replace=True, check=False)
    harbour.decontaminate()
    assert marks(harbour) == [("answer", "ngram", "answer")]


def test_retired_samples_are_not_looked_at(harbour: Catalog, write_jsonl: Write) -> None:
    rows = [{**POOL["clean"], "id": "clean", "dataset": "q"}]
    ingest.load(harbour, [write_jsonl("replaced.jsonl", rows)], replace=True)
    assert "question" not in {name for name, _, _ in marks(harbour)}
    assert harbour.decontaminate().marked == 2


def test_a_name_means_all_roles_and_a_role_only_itself(
    harbour: Catalog, write_jsonl: Write
) -> None:
    ingest.add_task(harbour, "ships", write_jsonl("few.jsonl", [item(0)]), check=False)

    def checked(*names: str) -> list[tuple[str, str, int]]:
        found = harbour.decontaminate(names).tasks
        return [(report.task, report.role, report.samples) for report in found]

    assert checked("ships:heldout") == [("ships", "heldout", 3)]
    assert checked("ships") == [("ships", "select", 1), ("ships", "heldout", 3)]
    assert checked() == checked("ships", "ships:select")


def test_an_interrupted_check_leaves_no_mark_and_goes_on_as_the_same_job(
    harbour: Catalog,
) -> None:
    def stop(tick: Tick) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        harbour.decontaminate(progress=stop)
    assert marks(harbour) == []
    harbour.decontaminate()
    assert len(marks(harbour)) == 3
    [job] = [job for job in harbour.jobs() if job["kind"] == "decontaminate"]
    assert (job["status"], job["job_id"]) == ("finished", 2)


def test_what_was_kept_before_an_interrupt_is_not_done_again(
    harbour: Catalog, write_jsonl: Write
) -> None:
    ingest.add_task(harbour, "ships", write_jsonl("few.jsonl", [item(0)]), check=False)

    def stop(tick: Tick) -> None:
        if tick.job == "plant leaks" and tick.fraction:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        harbour.decontaminate(progress=stop)
    assert harbour.sql("select role from contamination_check").to_pylist() == [{"role": "select"}]
    found = harbour.decontaminate()
    assert [(report.role, report.fresh) for report in found.tasks] == [
        ("select", False),
        ("heldout", True),
    ]
    [job] = [job for job in harbour.jobs() if job["kind"] == "decontaminate"]
    assert job["status"] == "finished"


def test_a_selection_says_how_many_members_are_marked_and_can_leave_them_out(
    harbour: Catalog, write_jsonl: Write
) -> None:
    assert harbour.select("all", method="random", size=7).size == 7
    assert harbour.contamination("all").in_words.startswith("contamination: not checked")
    harbour.decontaminate()
    found = harbour.contamination("all")
    assert (found.checked, found.samples) == (["ships:heldout"], len(marks(harbour, "hash")))
    assert f"{found.samples} of the members are marked (ships:heldout" in found.in_words
    clean = harbour.select(
        "clean", method="random", size=7 - found.samples, exclude_contaminated=True
    )
    assert "no member is marked (1 query sets checked)" in harbour.contamination("clean").in_words
    assert clean.recipe.exclude_contaminated
    ingest.load(harbour, [write_jsonl("late.jsonl", [talk("Late?", dataset="l")])])
    harbour.select("late", method="random", size=8)
    assert harbour.contamination("late").unchecked == 1
    assert "1 came after a check" in harbour.contamination("late").in_words
    with Store(harbour.home).read() as reader:
        assert reader.rows(load("check/mark_without_check")) == []


@pytest.mark.parametrize(
    ("asked", "error", "message", "hint"),
    [
        ({"tasks": ["ship"]}, UnknownName, "no task named 'ship'", "Did you mean ships?"),
        ({"tasks": ["ships:held"]}, UnknownName, "no task named 'ships:held'", "ships:heldout"),
        ({"ngram": 2}, InvalidInput, "--ngram is 2, expected at least 5", "13 is usual"),
        ({"cosine": 0.0}, InvalidInput, "--cosine is 0.0, expected more than 0", "0.9"),
        ({"cosine": 1.01}, InvalidInput, "--cosine is 1.01", "at most 1"),
        ({"space": "s"}, InvalidInput, "there is no --cosine", "--cosine 0.95 --space s"),
        ({"cosine": 0.9}, UnknownName, "0 embedding spaces to choose from", "catalog embed"),
        ({"cosine": 0.9, "space": "s"}, UnknownName, "no space named 's'", "catalog embed"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    harbour: Catalog, asked: dict[str, Any], error: type[Exception], message: str, hint: str
) -> None:
    with pytest.raises(error) as found:
        harbour.decontaminate(**asked)
    assert message in found.value.message  # type: ignore[attr-defined]
    assert hint in found.value.message + found.value.hint  # type: ignore[attr-defined]
    assert marks(harbour) == []


def test_a_home_without_tasks_has_nothing_to_check_against(cat: Catalog) -> None:
    with pytest.raises(InvalidInput, match="there is no task"):
        cat.decontaminate()


def near(harbour: Catalog, samples: int = 7, queries: int = 10) -> None:
    """Give samples and items vectors: sample 1 lies at 0.8 from item 3, all others apart."""
    apart = np.eye(20)
    given = {number: apart[number] for number in range(1, samples + 1)}
    items = {number: apart[number + 7] for number in range(1, queries + 1)}
    given[1] = 0.8 * apart[10] + 0.6 * apart[1]
    add_vectors(harbour, "s", given, items)


def test_samples_near_an_item_are_marked_too(harbour: Catalog) -> None:
    near(harbour)
    harbour.decontaminate(cosine=0.75)
    [found] = harbour.sql(
        "select hash, query_id, part, round(score, 3) as score, evidence from contaminated "
        "where kind = 'cosine'"
    ).to_pylist()
    [clean] = harbour.sql("select hash from pool where sample_id = 1").to_pylist()
    assert (found["hash"], found["query_id"]) == (clean["hash"], 3)
    assert (found["part"], found["score"]) == ("conversation", 0.8)
    assert found["evidence"].startswith("in s, near to: Read the question about ships")
    assert harbour.decontaminate(cosine=0.85).marked == 3


def test_cosines_of_planted_leaks_are_counted_by_what_is_handed_in(harbour: Catalog) -> None:
    near(harbour)

    def first_item(named: object, conversations: list[Any]) -> Any:
        return np.tile(np.eye(20, dtype=np.float32)[8], (len(conversations), 1))

    [report] = harbour.decontaminate(cosine=0.9, encode=first_item).tasks
    counts = {(one.encoded, one.by_cosine) for one in report.findings.recall}
    assert counts == {(10, 1)}, "one of the ten lies where all were put"
    [report] = harbour.decontaminate(cosine=0.8).tasks
    assert {one.encoded for one in report.findings.recall} == {0}
    assert report.findings.problem == "nothing here loads models, so no planted text was embedded"


@pytest.mark.parametrize(
    ("samples", "queries", "lacking"),
    [(5, 10, "2 of 7 samples of the pool"), (7, 6, "4 of 10 items of ships")],
)
def test_missing_vectors_are_counted_before_anything_is_done(
    harbour: Catalog, samples: int, queries: int, lacking: str
) -> None:
    near(harbour, samples, queries)
    with pytest.raises(MissingVectors) as found:
        harbour.decontaminate(cosine=0.9)
    assert lacking in found.value.message
    assert "catalog embed --space s" in (found.value.hint or "")
    assert marks(harbour) == []


def test_the_pool_is_read_in_pieces_of_bounded_size(
    harbour: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.contamination.reading.PIECE_CHARACTERS", 100)
    pieces = list(PoolTexts(harbour.home).pieces())
    assert [number for piece in pieces for number in piece.ids.tolist()] == [1, 2, 3, 4, 5, 6, 7]
    assert max(len(piece.ids) for piece in pieces) < 7
    assert harbour.decontaminate().marked == 3


def test_the_command_says_what_it_did_and_what_to_type_next(harbour: Catalog) -> None:
    def run(*more: str) -> Any:
        words = ["--home", str(harbour.home.path), "decontaminate", *more]
        return CliRunner().invoke(cli, words)

    told = run("--task", "ships")
    assert told.exit_code == 0
    assert "3 of 7 samples marked for 1 query set" in told.stdout
    assert "whole 1.00, question: what is the capital city of peru" in told.stdout
    assert "verbatim: the whole item inside other text" in told.stdout
    assert "Next: catalog select NAME … --exclude-contaminated" in told.stderr
    [report] = json.loads(run("--json").stdout)["tasks"]
    assert (report["samples"], report["fresh"]) == (3, False)
    wrong = run("--task", "ship")
    assert (wrong.exit_code, "Did you mean ships?" in wrong.stderr) == (1, True)


def test_known_overlaps_of_real_data_are_found(cat: Catalog) -> None:
    data = SHARED / "data"
    if not data.is_dir():
        pytest.skip("no real data beside the project")
    ingest.load(cat, [data / "pool" / "dolly.jsonl.gz"])
    path = data / "heldout" / "squad.jsonl.gz"
    ingest.add_task(cat, "squad", path, role="heldout", check=False)
    [report] = cat.decontaminate().tasks
    assert (report.marked_items, report.samples) == (25, 7)
