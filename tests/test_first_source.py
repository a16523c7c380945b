"""What names the sources of a sample equals what a look at all its appearances says."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ingest
from catalog import Catalog
from catalog.show import show
from catalog.sql import load
from catalog.store import Reader, Store
from tests.conftest import Row, talk

Write = Callable[[str, list[Row]], Path]
STOCK = """
select
    s.* exclude (source_id),
    f.source,
    list_sort(list_distinct(f.names)) as sources
from sample as s
left join (
    select
        a.sample_id,
        min(o.name) as source,
        list(o.name) as names
    from sample_source as a
    join source as o on o.source_id = a.source_id
    group by a.sample_id
) as f on f.sample_id = s.sample_id
order by s.sample_id
"""
FIRST = """
select
    a.sample_id,
    min(o.name) as source,
    max(o.name) > min(o.name) as shared
from sample_source as a
join source as o on o.source_id = a.source_id
group by a.sample_id
order by a.sample_id
"""


def fill(cat: Catalog, write: Write) -> None:
    """Bring samples twice: within a file, a change, a source, and by other sources, revisions."""
    mixed = [
        talk("a", dataset="m"),
        talk("a", dataset="m"),
        talk("b", dataset="z"),
        talk("b", dataset="k"),
        talk("c", dataset="k"),
        talk("d", dataset="z"),
    ]
    ingest.load(cat, [write("mixed.jsonl", mixed)])
    ingest.load(cat, [write("b.jsonl", [talk("d"), talk("e"), talk("e"), talk("f")])], source="b")
    ingest.load(cat, [write("b.jsonl", [talk("f"), talk("g")])], source="b", revision="v2")
    ingest.load(cat, [write("a.jsonl", [talk("f"), talk("a"), talk("h")])], source="a")
    ingest.load(cat, [write("z.jsonl", [talk("g"), talk("c"), talk("c")])], source="z")


def agree(cat: Catalog, as_of: int | None = None) -> int:
    """Compare all that names sources with all appearances; return how many samples there were."""
    with Store(cat.home, as_of=as_of).read() as reader:
        expected = reader.rows(STOCK)
        shown = "select * exclude (hash) from {} order by sample_id"
        assert by_name(reader.rows(shown.format("stock"))) == by_name(expected)
        retired = {row["sample_id"] for row in reader.rows("select sample_id from retired")}
        pooled = [row for row in expected if row["sample_id"] not in retired]
        assert by_name(reader.rows(shown.format("pool"))) == by_name(pooled)
        only = "select sample_id, source from pool order by sample_id"
        assert reader.rows(only) == [
            {"sample_id": row["sample_id"], "source": row["source"]} for row in pooled
        ]
        found = "select sample_id, source, shared from first_source order by sample_id"
        assert reader.rows(found) == reader.rows(FIRST)
        counted = {row["source"]: row for row in reader.rows(load("show/sources"))}
        assert counted == {**counted, **totals(reader)}
        return len(expected)


def by_name(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [dict(sorted(row.items())) for row in rows]


def totals(reader: Reader) -> dict[str, dict[str, Any]]:
    """What every source holds, worked out one appearance at a time."""
    appeared = reader.rows(
        "select a.sample_id, o.name, o.revision, o.format, o.license from sample_source as a "
        "join source as o on o.source_id = a.source_id"
    )
    first: dict[int, tuple[str, str]] = {}
    for row in appeared:
        place = (row["name"], row["revision"])
        first[row["sample_id"]] = min(first.get(row["sample_id"], place), place)
    counts = Counter((row["name"], row["revision"]) for row in appeared)
    held = Counter({(row["name"], row["revision"], row["sample_id"]) for row in appeared})
    samples = Counter(key[:2] for key in held)
    firsts = Counter(first.values())
    return {
        f"{row['name']}@{row['revision']}": {
            "source": f"{row['name']}@{row['revision']}",
            "format": row["format"],
            "license": row["license"],
            "appearances": counts[row["name"], row["revision"]],
            "samples": samples[row["name"], row["revision"]],
            "first_here": firsts[row["name"], row["revision"]],
        }
        for row in appeared
    }


def test_the_sources_of_samples_are_those_of_all_their_appearances(
    cat: Catalog, write_jsonl: Write
) -> None:
    fill(cat, write_jsonl)
    assert agree(cat) == 8
    named = "select messages[1].content as text, source, sources from pool order by text"
    assert [tuple(row.values()) for row in cat.sql(named).to_pylist()] == [
        ("a", "a", ["a", "m"]),
        ("b", "k", ["k", "z"]),
        ("c", "k", ["k", "z"]),
        ("d", "b", ["b", "z"]),
        ("e", "b", ["b"]),
        ("f", "a", ["a", "b"]),
        ("g", "b", ["b", "z"]),
        ("h", "a", ["a"]),
    ]


def test_one_appearance_of_every_sample_is_no_repetition(cat: Catalog, write_jsonl: Write) -> None:
    fill(cat, write_jsonl)
    brought = cat.sql(
        "select s.sample_id, s.source_id = a.source_id as same_source, "
        "s.change_id = a.change_id as same_change "
        "from sample as s join sample_source as a using (sample_id) "
        "where not a.repeated order by 1"
    ).to_pylist()
    assert brought == [
        {"sample_id": number, "same_source": True, "same_change": True} for number in range(1, 9)
    ]
    assert cat.sql("select count(*) as n from sample_source where repeated").to_pylist() == [
        {"n": 10}
    ]


def test_so_they_are_after_samples_left_and_came_back(cat: Catalog, write_jsonl: Write) -> None:
    fill(cat, write_jsonl)
    replaced = [talk("e"), talk("i"), talk("c")]
    ingest.load(cat, [write_jsonl("b.jsonl", replaced)], source="b", replace=True)
    assert agree(cat) == 9
    cat.retire(source="a", reason="test")
    assert agree(cat) == 9
    cat.purge()
    assert agree(cat) == 9
    cat.retire(source="k", reason="test")
    cat.restore(source="k")
    again = [talk("a"), talk("h"), talk("b"), talk("j")]
    ingest.load(cat, [write_jsonl("late.jsonl", again)], source="0")
    assert agree(cat) == 10


def test_so_they_are_looking_back(cat: Catalog, write_jsonl: Write) -> None:
    fill(cat, write_jsonl)
    cat.retire(source="k", reason="test")
    [last] = cat.sql("select max(change_id) as n from change").to_pylist()
    samples = [agree(cat, change) for change in range(last["n"] + 1)]
    assert samples == sorted(samples)
    assert (samples[0], samples[-1]) == (0, 8)
    assert len(set(samples)) >= 4


def test_a_snapshot_and_the_pool_are_counted_by_first_sources(
    cat: Catalog, write_jsonl: Write
) -> None:
    fill(cat, write_jsonl)
    cat.retire(source="m", reason="test")
    snapshot = cat.select("some", method="random", size=5)
    ids = set(snapshot.members()["sample_id"].to_pylist())
    pool = cat.sql("select sample_id, source from pool").to_pylist()
    members = Counter(row["source"] for row in pool if row["sample_id"] in ids)
    pooled = Counter(row["source"] for row in pool)
    assert show(cat.home, "some").sources == [
        {
            "source": name,
            "members": members[name],
            "share": members[name] / 5,
            "share_of_pool": pooled[name] / len(pool),
        }
        for name in sorted(members, key=lambda name: (-members[name], name))
    ]
