"""Comparisons: exact figures, fair baselines, and no claim beyond what the draws can tell."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner

import catalog
import ingest
from catalog import Catalog, schema
from catalog.cli import cli
from catalog.compare.comparison import NEAREST, Column, Comparison
from catalog.compare.members import drawn
from catalog.compare.nearness import _limits, nearest
from catalog.compare.page import html, write
from catalog.compare.spread import spread
from catalog.compare.text import lines
from catalog.errors import InvalidInput, OutputExists, UnknownName
from catalog.progress import silent
from catalog.selecting.choosing import choose
from catalog.spaces import the_space, tokens_scorer
from catalog.store import Store
from catalog.vectors import Vectors
from tests.conftest import talk
from tests.tiny import add_vectors


@pytest.fixture
def stocked(stocked_home: Path, tmp_path: Path) -> Catalog:
    """Forty-two samples of three sources, with vectors of two numbers in the space `plane`."""
    cat = catalog.open(shutil.copytree(stocked_home, tmp_path / "home"))
    angles = {row["sample_id"]: float(row["characters"]) for row in pool(cat)}
    plane = add_vectors(
        cat,
        "plane",
        {key: (np.cos(0.04 * angle), np.sin(0.04 * angle)) for key, angle in angles.items()},
        {row["query_id"]: (1.0, 0.1 * row["query_id"]) for row in rows(cat, "from query")},
    )
    counts = pa.table({"sample_id": list(angles), "value": [7.0] * len(angles)})
    with Store(cat.home).write("embed") as transaction:
        scorer = pa.array([tokens_scorer(transaction, plane)] * len(angles))
        transaction.insert_arrow(schema.sample_score, counts.append_column("scorer_id", scorer))
    return cat


def rows(cat: Catalog, statement: str) -> list[dict[str, object]]:
    return cat.sql(statement).to_pylist()


def pool(cat: Catalog) -> list[dict[str, object]]:
    return rows(cat, "select sample_id, source, characters, hash from pool order by sample_id")


def column(found: Comparison, name: str) -> Column:
    named = {one.name: one for one in found.columns}
    assert name in named, sorted(named)
    return named[name]


def ids(cat: Catalog, name: str) -> set[int]:
    return set(cat.snapshot(name).members()["sample_id"].to_pylist())


def test_figures_are_those_counted_by_hand(stocked: Catalog) -> None:
    by_source = {row["sample_id"]: row["source"] for row in pool(stocked)}
    snapshot = stocked.select("near", method="round_robin", tasks=["one"], size=7, space="plane")
    [own] = column(stocked.compare(["near"], draws=1), "near@1").draws
    members = snapshot.members().to_pylist()
    counts: dict[str, int] = {}
    for member in members:
        source = str(by_source[member["sample_id"]])
        counts[source] = counts.get(source, 0) + 1
    assert (own.samples, own.distinct, own.tokens) == (7, 7, 49)
    assert own.sources == counts
    assert own.same_opening == 0
    scores = [member["score"] for member in members]
    assert own.distributions["selection score"].mean == pytest.approx(np.mean(scores))
    assert own.distributions["similarity to one"].count == 7
    assert own.distributions["turns"].percentiles == (2, 2, 2, 2, 2)


def test_near_duplicates_are_members_with_another_above_the_threshold(stocked: Catalog) -> None:
    stocked.select("all", method="random", size=42)
    angle = {row["sample_id"]: 0.04 * float(str(row["characters"])) for row in pool(stocked)}
    each = np.array(list(angle.values()))
    cosines = np.cos(each[:, None] - each[None, :])
    np.fill_diagonal(cosines, -2)
    for threshold in (0.9995, 0.9):
        [own] = column(stocked.compare(["all"], near=threshold, draws=1), "all@1").draws
        assert own.near is not None
        assert own.near.above == int((cosines.max(axis=1) > threshold).sum())
        assert (own.near.checked, own.near.without_vector, own.near.exact) == (42, 0, True)


def test_fewer_members_are_checked_of_sets_that_are_larger() -> None:
    snapshots = [drawn(np.arange(size), None) for size in (90_000, 1_000_000, 2_500_000)]
    draws = [drawn(np.arange(size), 0) for size in (2_000, 100_000, 2_500_000)]
    assert _limits([*snapshots, *draws], 4) == [90_000, 10_000, 4_000, 2_000, 3_000, 1_000]
    assert sum(_limits([*snapshots, *draws], 384)) <= 512 * 2**20 // (4 * 384)


def test_nearest_members_are_exact_over_many_blocks_and_sampled_beyond_a_limit(
    cat: Catalog,
) -> None:
    vectors = np.random.default_rng(1).normal(size=(6000, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    named = add_vectors(cat, "s", dict(enumerate(vectors.tolist())), {0: (1, 0, 0, 0)})
    sets = [
        drawn(np.arange(0, 6000, 2), None),
        drawn(np.arange(6000), 0),
        drawn(np.array([7]), None),
        drawn(np.array([7, 9, 6500]), None),
    ]
    found = nearest(Vectors(cat.home, named.space, "sample"), 4, sets, lambda one: one, silent)
    whole = vectors @ vectors.T
    np.fill_diagonal(whole, -2)
    even = whole[::2, ::2].max(axis=1)
    np.testing.assert_allclose(found[0].cosines, even, atol=1e-6)
    assert found[0].exact and not found[1].exact
    assert len(found[1].cosines) == 3000
    assert np.isin(found[1].cosines.round(4), whole.max(axis=1).astype(float).round(4)).mean() > 0.9
    assert len(found[2].cosines) == 0
    assert found[3].without_vector == 1
    np.testing.assert_allclose(found[3].cosines, [whole[7, 9]] * 2, atol=1e-6)


def test_baselines_are_what_the_engine_draws_with_the_same_filters(stocked: Catalog) -> None:
    stocked.select("left_out", method="random", size=5, seed=9)
    where = "source != 'c' and tokens < 100"
    for name, size in (("small", 4), ("large", 9)):
        stocked.select(
            name,
            method="round_robin",
            tasks=["one"],
            size=size,
            space="plane",
            where=where,
            not_in=["left_out"],
        )
    found = stocked.compare(["small", "large"], draws=2)
    recipe = stocked.snapshot("small").recipe
    for budget, amount in (("samples", 4), ("samples", 9), ("tokens", 28), ("tokens", 63)):
        for method in ("random", "balanced"):
            line = column(found, f"{method}, {amount} {budget}")
            assert len(line.draws) == 2
            for seed, draw in enumerate(line.draws):
                expected = replace(
                    recipe,
                    method=method,
                    seed=seed,
                    tasks=(),
                    size=amount if budget == "samples" else None,
                    tokens=amount if budget == "tokens" else None,
                )
                with Store(stocked.home).read() as reader:
                    space = the_space(reader, "plane")
                same = choose(stocked.home, expected, space, silent).members["sample_id"]
                taken = set(same.to_pylist())
                assert draw.samples == len(taken)
                assert not taken & ids(stocked, "left_out")
                known = {row["sample_id"]: row["source"] for row in pool(stocked)}
                assert draw.sources == {
                    name: sum(known[one] == name for one in taken)
                    for name in {known[one] for one in taken}
                }
    [whole] = found.of("pool")
    known_ids = {row["sample_id"] for row in pool(stocked) if row["source"] != "c"}
    assert whole.draws[0].samples == len(known_ids - ids(stocked, "left_out"))


def test_baselines_are_drawn_from_the_pool_as_it_was(
    stocked: Catalog, write_jsonl: Callable[..., Path]
) -> None:
    stocked.select("before", method="random", size=42, seed=5)
    late = write_jsonl("late.jsonl", [talk(f"Late {number}?") for number in range(200)])
    ingest.load(stocked, [late], source="late")
    found = stocked.compare(["before"], draws=1)
    for line in found.of("baseline", "pool"):
        for draw in line.draws:
            assert draw.samples == 42
            assert "late" not in draw.sources


def test_a_snapshot_is_not_held_against_its_own_draw(stocked: Catalog) -> None:
    stocked.select("first", method="random", size=10, seed=0)
    found = stocked.compare(["first"], draws=1)
    overlap = found.overlap("A", column(found, "random, 10 samples").key)
    assert overlap is not None and overlap.shared.high < 10
    assert overlap.by_chance == pytest.approx(100 / 42)


def test_overlaps_are_counted_beside_what_chance_gives(stocked: Catalog) -> None:
    stocked.select("a", method="random", size=20, seed=11)
    stocked.select("b", method="random", size=10, seed=12, where="source = 'a'")
    found = stocked.compare(["a", "b"], draws=1)
    both = ids(stocked, "a") & ids(stocked, "b")
    overlap = found.overlap("A", "B")
    assert overlap is not None
    assert overlap.shared.mean == len(both)
    assert overlap.of_smaller.mean == len(both) / 10
    assert overlap.jaccard.mean == len(both) / (30 - len(both))
    # 30 samples of source a are in both pools
    assert overlap.by_chance == pytest.approx(30 * (20 / 42) * (10 / 30))


def test_a_baseline_that_cannot_be_made_says_so(stocked: Catalog) -> None:
    stocked.select("most", method="random", size=40)
    stocked.mix("twice", ["most@1=50%", "most@1=50%"], size=80, repeats=2)
    found = stocked.compare(["twice"], draws=1)
    line = column(found, "random, 80 samples")
    assert (line.draws, line.missing) == ((), "there are 42 samples to draw from")
    [own] = column(found, "twice@1").draws
    assert (own.samples, own.distinct) == (80, 40)
    assert "no random draw of 80 samples, as A: there are 42 samples to draw from" in found.notes
    assert html(found) and list(lines(found))


def test_contamination_is_not_checked_rather_than_none(stocked: Catalog) -> None:
    stocked.select("a", method="random", size=5)
    found = stocked.compare(["a"], draws=1)
    assert column(found, "a@1").draws[0].contaminated is None
    told = "\n".join(lines(found))
    assert re.search(r"contaminated +not checked", told)


def test_marked_members_are_counted_by_task_and_late_ones_are_not_checked(
    stocked: Catalog, write_jsonl: Callable[..., Path]
) -> None:
    stocked.decontaminate(["one"])
    late = write_jsonl("late.jsonl", [talk(f"Late {number}?") for number in range(3)])
    ingest.load(stocked, [late], source="late")
    stocked.select("all", method="random", size=45)
    [own] = column(stocked.compare(["all"], draws=1), "all@1").draws
    marked = rows(stocked, "select distinct sample_id from contaminated where task = 'one'")
    assert own.contaminated == len(marked)
    assert own.contamination["one"].marked == len(marked)
    assert own.contamination["one"].unchecked == 3


def test_one_opening_of_two_members_counts_both(
    cat: Catalog, write_jsonl: Callable[..., Path]
) -> None:
    talks = [talk("Same?", str(number)) for number in range(3)] + [talk("Other?")]
    ingest.load(cat, [write_jsonl("rows.jsonl", talks)], source="s")
    cat.select("all", method="random", size=4)
    found = cat.compare(["all"], draws=1)
    assert column(found, "all@1").draws[0].same_opening == 3
    assert found.space is None
    assert "there is no embedding space" in found.notes[0]


def test_a_space_that_could_be_several_is_done_without_and_a_wrong_one_refused(
    stocked: Catalog,
) -> None:
    add_vectors(stocked, "other", {1: (1.0, 0.0)}, {1: (1.0, 0.0)})
    stocked.select("a", method="random", size=5)
    found = stocked.compare(["a"], draws=1)
    assert found.space is None and "other or plane; name one with --space" in found.notes[0]
    assert NEAREST not in found.bins
    assert stocked.compare(["a"], space="plane", draws=1).space == "plane"
    with pytest.raises(UnknownName, match="no space named 'plan'"):
        stocked.compare(["a"], space="plan")


def test_names_and_numbers_that_cannot_be_are_refused(stocked: Catalog) -> None:
    stocked.select("gsm", method="random", size=5)
    with pytest.raises(UnknownName) as error:
        stocked.compare(["gsn"])
    assert "Did you mean gsm@1?" in str(error.value.hint)
    with pytest.raises(InvalidInput, match="no snapshot was named"):
        stocked.compare([])
    for wrong in ({"draws": 0}, {"draws": 11}, {"near": 1.5}, {"near": float("nan")}):
        with pytest.raises(InvalidInput):
            stocked.compare(["gsm"], **wrong)


def test_one_draw_tells_nothing_of_chance(stocked: Catalog) -> None:
    stocked.select("near", method="round_robin", tasks=["one"], size=7, space="plane")
    found = stocked.compare(["near"], draws=1)
    assert {finding.verdict for finding in found.findings} == {"unknown"}
    assert "▲" not in "\n".join(lines(found)).replace("▲ ▼", "")


def test_a_rare_thing_that_no_draw_held_is_not_yet_more_than_chance() -> None:
    assert spread([0.0, 0.0, 0.0], members=300).verdict(1 / 300) == "within"
    assert spread([0.0, 0.0, 0.0], members=300).verdict(30 / 300) == "above"


@pytest.fixture
def odd(cat: Catalog, write_jsonl: Callable[..., Path]) -> Comparison:
    """A comparison whose names are what a page has to escape."""
    talks = [
        talk(f"{n}?", str(n), dataset=f"<script>alert({n % 3})</script> & $x_{n % 3}$ 日本")
        for n in range(12)
    ]
    ingest.load(cat, [write_jsonl("rows.jsonl", talks)])
    name = '"><img src=x onerror=alert(1)> $a_b$ & a name that is longer than any line'
    cat.select(name, method="random", size=6)
    return cat.compare([name, name], draws=2)


def test_a_page_is_escaped_holds_no_script_and_fetches_nothing(odd: Comparison) -> None:
    page = html(odd)
    assert page == html(odd)
    assert "<script" not in page and "<img" not in page
    outside = set(re.findall(r"(?:https?:)?//[\w.]+[^\s\"'<>]*", page))
    assert outside <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert not re.search(r"@import|url\((?!#)|<link|<iframe", page)
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; $x_1$ 日本" in page
    identities = re.findall(r'\sid="([^"]+)"', page)
    assert len(identities) == len(set(identities))
    assert len(re.findall(r"<svg ", page)) == len(re.findall(r"<title id=", page)) > 2


def test_a_page_is_not_written_over_other_content(odd: Comparison, tmp_path: Path) -> None:
    place = tmp_path / "new" / "page.html"
    assert write(odd, place, overwrite=False).is_new
    assert not write(odd, place, overwrite=False).is_new
    place.write_text("mine")
    with pytest.raises(OutputExists, match="holds other content"):
        write(odd, place, overwrite=False)
    assert place.read_text() == "mine"
    assert write(odd, place, overwrite=True).is_new
    with pytest.raises(OutputExists, match="is not a file"):
        write(odd, tmp_path, overwrite=True)
    assert [one.name for one in place.parent.iterdir()] == ["page.html"]


def test_the_command_prints_text_that_fits_and_one_json_object(stocked: Catalog) -> None:
    stocked.select("near", method="round_robin", tasks=["one", "two"], size=7, space="plane")
    stocked.select("far", method="random", size=9, seed=4)
    words = ["--home", str(stocked.home.path), "compare", "near", "far", "--draws", "2"]
    page = stocked.home.path.parent / "page.html"
    result = CliRunner().invoke(cli, [*words, "--html", str(page)])
    assert result.exit_code == 0, result.output
    assert max(map(len, result.stdout.splitlines())) <= 120
    assert page.read_text().startswith("<!doctype html>")
    found = json.loads(CliRunner().invoke(cli, [*words, "--json"]).stdout)
    assert [one["key"] for one in found["columns"] if one["kind"] == "snapshot"] == ["A", "B"]
    assert {one["verdict"] for one in found["findings"]} <= {"above", "below", "within"}
    refused = CliRunner().invoke(cli, words[:3])
    assert refused.exit_code == 1 and "no snapshot was named" in refused.stderr


def test_a_statement_of_the_users_is_held_against_the_whole_pool(stocked: Catalog) -> None:
    stocked.select("own", sql="select sample_id from pool where source = 'a'", size=6)
    found = stocked.compare(["own"], draws=1)
    [whole] = found.of("pool")
    assert whole.draws[0].samples == 42
    assert "own@1 is held against the whole pool: its recipe tells no filters" in found.notes
