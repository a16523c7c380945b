"""Jobs are recorded, go on where they were, and nobody takes the dead for the living."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import Catalog
from catalog.errors import InvalidInput
from catalog.home import Home
from catalog.jobs import Counts, Job, fingerprint, is_alive, job, overview, software_version
from catalog.store import Store

PROJECT = Path(__file__).parents[1]
WORK = """
import sys
import catalog
from catalog.jobs import job
home = catalog.open(sys.argv[1]).home
with job(home, "test", {"x": 1}, "inputs") as work:
    print(work.job_id, flush=True)
    sys.stdin.readline()
"""


def finish(home: Home, work: Job) -> None:
    with Store(home).write("test", job_id=work.job_id) as transaction:
        work.finish(transaction)


def advance(home: Home, work: Job, checkpoint: int, counts: Counts) -> None:
    with Store(home).write("test", job_id=work.job_id) as transaction:
        work.advance(transaction, checkpoint, counts)


def test_a_job_is_recorded_from_its_beginning_to_its_end(cat: Catalog) -> None:
    with job(cat.home, "test", {"paths": ["é"], "n": None}, "inputs") as work:
        [row] = overview(cat.home)
        assert (row["status"], row["finished_at"], row["error"]) == ("running", None, None)
        advance(cat.home, work, 3, Counts(read=6, added=1, duplicate=2, refused=3, retired=1))
        advance(cat.home, work, 4, Counts(read=1, added=1))
        finish(cat.home, work)
    [row] = overview(cat.home)
    assert row["parameters"] == {"paths": ["é"], "n": None}
    assert (row["job_id"], row["kind"], row["status"]) == (1, "test", "finished")
    assert row["finished_at"] >= row["started_at"]
    assert row["software_version"] == software_version()
    counts = [row[f"rows_{name}"] for name in ("read", "added", "duplicate", "refused", "retired")]
    assert counts == [7, 2, 2, 3, 1]


def test_a_failed_job_goes_on_from_its_checkpoint(cat: Catalog) -> None:
    with pytest.raises(InvalidInput), job(cat.home, "test", {}, "inputs") as work:
        advance(cat.home, work, 5, Counts(read=5, added=5))
        raise InvalidInput("a file is damaged", hint="mend it")
    [row] = overview(cat.home)
    assert (row["status"], row["error"]) == ("failed", "a file is damaged")
    with job(cat.home, "test", {}, "inputs") as work:
        assert (work.job_id, work.resumed, work.checkpoint) == (1, True, 5)
        assert work.counts == Counts(read=5, added=5)
        finish(cat.home, work)
    [row] = overview(cat.home)
    assert (row["status"], row["error"]) == ("finished", None)


def test_an_error_that_is_no_message_of_ours_is_kept_too(cat: Catalog) -> None:
    with pytest.raises(ValueError, match="oops"), job(cat.home, "test", {}, ""):
        raise ValueError("oops")
    assert overview(cat.home)[0]["error"] == "ValueError('oops')"


def test_an_interrupted_job_says_so(cat: Catalog) -> None:
    with pytest.raises(KeyboardInterrupt), job(cat.home, "test", {}, ""):
        raise KeyboardInterrupt
    assert [(row["status"], row["error"]) for row in overview(cat.home)] == [
        ("interrupted", "interrupted")
    ]


@pytest.mark.parametrize(
    ("kind", "parameters", "inputs"),
    [("other", {"x": 1}, "i"), ("test", {"x": 2}, "i"), ("test", {"x": 1}, "j")],
)
def test_what_differs_in_anything_is_another_job(
    cat: Catalog, kind: str, parameters: dict[str, int], inputs: str
) -> None:
    with pytest.raises(ValueError, match="first"), job(cat.home, "test", {"x": 1}, "i"):
        raise ValueError("first")
    with job(cat.home, kind, parameters, inputs) as work:
        assert (work.job_id, work.resumed) == (2, False)
        finish(cat.home, work)


def test_a_finished_job_is_not_gone_on_with(cat: Catalog) -> None:
    for expected in (1, 2):
        with job(cat.home, "test", {}, "") as work:
            assert (work.job_id, work.resumed) == (expected, False)
            finish(cat.home, work)


def test_a_job_that_somebody_works_on_is_left_to_them(cat: Catalog) -> None:
    with job(cat.home, "test", {}, "") as mine, job(cat.home, "test", {}, "") as other:
        assert (mine.job_id, other.job_id, other.resumed) == (1, 2, False)
        assert is_alive(cat.home, 1)
        finish(cat.home, other)
        finish(cat.home, mine)
    assert not is_alive(cat.home, 1)


def test_a_killed_job_is_shown_as_interrupted_and_goes_on(cat: Catalog) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WORK, str(cat.home.path)],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "1\n"
    assert overview(cat.home)[0]["status"] == "running"
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    [row] = overview(cat.home)
    assert (row["status"], row["error"]) == (
        "interrupted",
        "its process ended before it was done; run the same command again",
    )
    with job(cat.home, "test", {"x": 1}, "inputs") as work:
        assert (work.job_id, work.resumed) == (1, True)
        finish(cat.home, work)


def test_those_who_look_at_jobs_do_not_keep_them_from_going_on(cat: Catalog) -> None:
    with pytest.raises(ValueError, match="x"), job(cat.home, "test", {}, ""):
        raise ValueError("x")
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            is_alive(cat.home, 1)

    looker = threading.Thread(target=look)
    looker.start()
    try:
        for _ in range(5):
            with pytest.raises(ValueError, match="x"), job(cat.home, "test", {}, "") as work:
                assert (work.job_id, work.resumed) == (1, True)
                raise ValueError("x")
    finally:
        stop.set()
        looker.join()


counts = st.builds(Counts, *[st.integers(0, 9)] * 5)


@given(st.lists(counts, max_size=4))
def test_counts_add_up_field_by_field(parts: list[Counts]) -> None:
    whole = Counts()
    for part in parts:
        whole.add(part)
    for name, value in whole.columns().items():
        assert value == sum(part.columns()[name] for part in parts)


@given(st.dictionaries(st.text(max_size=3), st.integers()), st.text())
def test_a_fingerprint_does_not_depend_on_the_order_of_parameters(
    parameters: dict[str, int], inputs: str
) -> None:
    backwards = dict(reversed(parameters.items()))
    assert fingerprint(parameters, inputs) == fingerprint(backwards, inputs)
    assert fingerprint(parameters, inputs) != fingerprint(parameters, inputs + "x")


def test_a_fingerprint_is_what_it_always_was() -> None:
    found = fingerprint({"paths": ["/a"], "n": None}, [1, (2, 3)])
    assert found == ("eb7afaed900bd678cfb83781dfd730429f09590040a9117b274d8e0d3e9a58d1")
