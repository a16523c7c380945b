"""Snapshots: numbered once, found again, checked from the text up."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import catalog
import ingest
from catalog import Catalog
from catalog.errors import Conflict, InvalidInput, SnapshotInUse, UnknownName, VerificationFailed
from catalog.identity import digest
from catalog.ledger import Ledger
from catalog.snapshot import split
from catalog.store import Store
from catalog.verification import require_verified
from tests.conftest import talk

Write = Callable[..., Path]


@pytest.fixture(scope="module")
def drawn_home(stocked_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = shutil.copytree(stocked_home, tmp_path_factory.mktemp("drawn") / "home")
    catalog.open(home).select("drawn", method="random", size=6)
    return home


@pytest.fixture
def stocked(drawn_home: Path, tmp_path: Path) -> Catalog:
    """A home of its own with the snapshot `drawn@1` of six members."""
    return catalog.open(shutil.copytree(drawn_home, tmp_path / "home"))


def change(cat: Catalog, statement: str) -> None:
    with Store(cat.home).write("test") as transaction:
        transaction.connection.execute(statement)


# Versions


def test_the_same_recipe_on_an_unchanged_pool_is_the_same_version(stocked: Catalog) -> None:
    again = stocked.select("drawn", method="random", size=6)
    assert (str(again), again.is_new) == ("drawn@1", False)
    ingest.add_task(stocked, "more", _query(stocked))  # a change, though not of the choice
    assert not stocked.select("drawn", method="random", size=6).is_new


def _query(cat: Catalog) -> Path:
    path = cat.home.path.parent / "query.jsonl"
    path.write_text('{"messages": [{"role": "user", "content": "Why?"}]}\n')
    return path


def test_another_recipe_or_another_pool_is_the_next_version(
    stocked: Catalog, write_jsonl: Write
) -> None:
    assert str(stocked.select("drawn", method="random", size=6, seed=1)) == "drawn@2"
    assert str(stocked.select("drawn", method="random", size=6)) == "drawn@1"
    assert str(stocked.select("drawn", method="random", size=7)) == "drawn@3"
    rows = [talk(f"More {number}") for number in range(400)]
    ingest.load(stocked, [write_jsonl("more.jsonl", rows)], source="more")
    grown = stocked.select("drawn", method="random", size=6)
    assert (str(grown), grown.is_new) == ("drawn@4", True)
    assert stocked.snapshot("drawn").digest == grown.digest
    assert stocked.snapshot("drawn@1").digest != grown.digest


def test_a_condition_that_looks_beyond_the_pool_is_asked_again(stocked: Catalog) -> None:
    unused = "sample_id not in (select sample_id from snapshot_member)"
    first = stocked.select("fresh", method="random", size=6, where=unused)
    second = stocked.select("fresh", method="random", size=6, where=unused)
    assert (first.version, second.version) == (1, 2)
    both = [set(found.members()["hash"].to_pylist()) for found in (first, second)]
    assert not both[0] & both[1]
    statement = f"select sample_id from pool where {unused} order by hash"
    counts = [stocked.select("rest", sql=statement).size for _ in range(1)]
    assert counts == [42 - 18]


def test_a_snapshot_knows_its_identity_and_its_members(stocked: Catalog) -> None:
    snapshot = stocked.snapshot("drawn@1")
    members = snapshot.members()
    hashes = [bytes.fromhex(found) for found in members["hash"].to_pylist()]
    assert snapshot.digest == digest(hashes)
    assert members["position"].to_pylist() == list(range(6))
    assert (snapshot.size, snapshot.method, snapshot.recipe.size) == (6, "random", 6)
    assert str(snapshot) == "drawn@1"


def test_a_withdrawn_sample_stays_in_a_snapshot_and_leaves_the_next(
    stocked: Catalog, write_jsonl: Write
) -> None:
    taken = set(stocked.snapshot("drawn").members()["sample_id"].to_pylist())
    listed = ", ".join(map(str, taken))
    change(
        stocked,
        f"insert into retirement select sample_id, true, 'asked for', "
        f"(select max(change_id) from change) from sample where sample_id in ({listed})",
    )
    found = stocked.select("drawn", method="random", size=6)
    assert found.version == 2
    assert not taken & set(found.members()["sample_id"].to_pylist())
    assert stocked.verify("drawn@1").problems == []
    statement = f"select unnest([{listed}]) as sample_id"
    with pytest.raises(InvalidInput, match="6 sample_ids that are not in the pool"):
        stocked.select("back", sql=statement)


# Names


@pytest.mark.parametrize(
    ("reference", "found"), [("a", ("a", None)), ("a@12", ("a", 12)), ("@1", ("", 1))]
)
def test_a_reference_is_a_name_and_perhaps_a_version(
    reference: str, found: tuple[str, int | None]
) -> None:
    assert split(reference) == found


@pytest.mark.parametrize(
    "reference", ["a@", "a@x", "a@-1", "a@1@2", "a@1.0", "a@٣", "a@" + "9" * 20]
)
def test_what_is_no_version_is_refused(reference: str) -> None:
    with pytest.raises(InvalidInput, match="names no version"):
        split(reference)


def test_an_unknown_snapshot_is_guessed_at(stocked: Catalog) -> None:
    for reference in ("drawm", "drawn@2", "drawn@0", "", "é"):
        with pytest.raises(UnknownName, match="no snapshot named") as caught:
            stocked.snapshot(reference)
        assert "drawn@1" in str(caught.value.hint)
    with pytest.raises(InvalidInput):
        stocked.snapshot("\ud800")


def test_renaming_takes_all_versions_along(stocked: Catalog) -> None:
    stocked.select("drawn", method="random", size=6, seed=1)
    assert stocked.rename("drawn", "picked") == 2
    assert [row["name"] for row in stocked.snapshots()] == ["picked", "picked"]
    assert stocked.verify("picked@1").problems == []
    assert str(stocked.select("picked", method="random", size=6, seed=2)) == "picked@3"


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("drawn", "other", Conflict),
        ("drawn", "drawn", Conflict),
        ("drawn@1", "x", InvalidInput),
        ("drawn", "", InvalidInput),
        ("drawn", "a@1", InvalidInput),
        ("drawn", "a/b", InvalidInput),
        ("gone", "x", UnknownName),
    ],
)
def test_a_rename_that_would_confuse_is_refused(
    stocked: Catalog, old: str, new: str, error: type[Exception]
) -> None:
    stocked.select("other", method="random", size=2)
    with pytest.raises(error):
        stocked.rename(old, new)
    assert stocked.snapshot("drawn@1").size == 6


def test_a_version_is_never_used_again(stocked: Catalog) -> None:
    stocked.delete("drawn@1")
    with pytest.raises(UnknownName):
        stocked.snapshot("drawn")
    with pytest.raises(UnknownName):
        stocked.delete("drawn@1")
    assert str(stocked.select("drawn", method="random", size=6)) == "drawn@2"
    stocked.delete("drawn")
    stocked.select("other", method="random", size=2)
    with pytest.raises(Conflict, match="is or was named 'drawn'"):
        stocked.rename("other", "drawn")
    assert stocked.sql("select count(*) as n from member").to_pylist() == [{"n": 2}]


def test_what_a_run_used_stays(stocked: Catalog) -> None:
    with Ledger(stocked.home.ledger, "tuned", snapshot="drawn@1") as ledger:
        ledger.record(
            step=1, content_hashes=stocked.snapshot("drawn").members()["hash"].to_pylist()
        )
    with pytest.raises(SnapshotInUse, match="drawn@1 was used by 1 runs: tuned"):
        stocked.delete("drawn@1")  # before its ledger is imported
    with pytest.raises(Conflict, match="'tuned' was trained on drawn@1 and is not imported"):
        stocked.rename("drawn", "picked")
    stocked.import_runs()
    shutil.rmtree(stocked.home.ledger)
    stocked.rename("drawn", "picked")
    with pytest.raises(SnapshotInUse, match="picked@1 was used by 1 runs: tuned"):
        stocked.delete("picked@1")
    assert stocked.select("picked", method="random", size=2).version == 2
    stocked.delete("picked@2")


# Verification


def test_an_untouched_snapshot_verifies(stocked: Catalog) -> None:
    found = stocked.verify("drawn")
    assert (found.snapshot, found.members, found.problems) == ("drawn@1", 6, [])
    require_verified(found)


MEMBER = "(select sample_id from snapshot_member where position = 2)"
MENDED = (
    "list_transform(messages, lambda m: "
    "struct_pack(role := m.role, content := m.content || ' ', extra := m.extra))"
)
NAMED = (
    "list_transform(messages, lambda m: "
    'struct_pack(role := m.role, content := m.content, extra := \'{"name": "x"}\'::json))'
)
TAMPERED = {
    "position 2: the text is not what was frozen": [
        f"update sample set messages = [struct_pack(role := 'user', content := 'x', "
        f"extra := null::json)] where sample_id = {MEMBER}",
        f"update sample set messages = list_reverse(messages) where sample_id = {MEMBER}",
        f"update sample set tools = '[]' where sample_id = {MEMBER}",
        f"update sample set content_hash = ''::blob where sample_id = {MEMBER}",
        f"update sample set messages = {MENDED} where sample_id = {MEMBER}",
        f"update sample set messages = {NAMED} where sample_id = {MEMBER}",
    ],
    "5 members are stored, 6 were frozen": ["delete from snapshot_member where position = 5"],
    "no member at position 2, the next is at 3": [
        "delete from snapshot_member where position = 2",
        f"delete from sample where sample_id = {MEMBER}",
        "update snapshot_member set position = 7 where position = 2",
    ],
    "the members are not those that were frozen, or not in their order": [
        "update snapshot_member set position = 1 - position where position < 2",
        "update snapshot_member set sample_id = (select min(sample_id) from sample where sample_id "
        "not in (select sample_id from snapshot_member)) where position = 0",
        "update snapshot set digest = upper(digest)",
    ],
    "7 members are stored, 6 were frozen": [
        "insert into snapshot_member select * replace (6 as position) from snapshot_member "
        "where position = 0",
        "insert into snapshot_member select * replace (9000000 as position) from snapshot_member "
        "where position = 0",
    ],
    "position 3 is there twice": [
        "insert into snapshot_member select * from snapshot_member where position = 3"
    ],
}


@pytest.mark.parametrize(
    ("problem", "statement"), [(p, s) for p, statements in TAMPERED.items() for s in statements]
)
def test_every_change_behind_its_back_is_noticed(
    stocked: Catalog, problem: str, statement: str
) -> None:
    change(stocked, statement)
    found = stocked.verify("drawn@1")
    assert problem in found.problems
    with pytest.raises(VerificationFailed, match="drawn@1 is not what was frozen"):
        require_verified(found)


def test_one_missing_member_is_one_gap(stocked: Catalog) -> None:
    change(stocked, "delete from snapshot_member where position = 2")
    assert stocked.verify("drawn").problems == [
        "no member at position 2, the next is at 3",
        "5 members are stored, 6 were frozen",
    ]


def test_large_snapshots_are_checked_in_parts(
    stocked: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.rehashing.SAMPLES_AT_ONCE", 2)
    assert stocked.verify("drawn").problems == []
    change(stocked, "update snapshot_member set position = 5 - position")
    assert stocked.verify("drawn").problems == [
        "the members are not those that were frozen, or not in their order"
    ]
