"""A home is a folder with settings; what is wrong with either is said."""

from pathlib import Path

import pytest

import catalog
from catalog.errors import HomeNotFound, InvalidInput
from catalog.home import DEFAULT_SETTINGS, SETTINGS, Home, Settings


def test_the_settings_that_are_written_are_the_defaults(tmp_path: Path) -> None:
    (tmp_path / SETTINGS).write_text(DEFAULT_SETTINGS)
    assert Settings.read(tmp_path / SETTINGS) == Settings()


def test_a_line_left_out_has_its_default(tmp_path: Path) -> None:
    (tmp_path / SETTINGS).write_text("lock_timeout_seconds = 1.5\n")
    assert Settings.read(tmp_path / SETTINGS) == Settings(lock_timeout_seconds=1.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("speed = 9", "sets 'speed', which is no setting"),
        ("memory_limit = 3", 'sets memory_limit to 3, expected a text such as "1GB"'),
        ("compress = 1", "sets compress to 1, expected true or false"),
        ("lock_timeout_seconds = true", "expected seconds, 0 or more"),
        ("lock_timeout_seconds = -1", "expected seconds, 0 or more"),
        ("lock_timeout_seconds = nan", "expected seconds, 0 or more"),
        ("lock_timeout_seconds = inf", "expected seconds, 0 or more"),
        ("lock_timeout_seconds", "is not valid TOML"),
        ("\udcff", "is not valid TOML"),
    ],
)
def test_settings_that_cannot_be_used_are_an_error(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / SETTINGS).write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(InvalidInput) as found:
        Home.at(tmp_path)
    assert message in found.value.message
    assert str(tmp_path / SETTINGS) in found.value.message
    assert found.value.hint


def test_a_folder_without_settings_is_no_home(tmp_path: Path) -> None:
    with pytest.raises(HomeNotFound) as found:
        catalog.open(tmp_path)
    assert found.value.message == f"no catalog home at '{tmp_path}'"
    assert (found.value.hint or "").startswith(f"Make one with `catalog init --home {tmp_path}`")


def test_everything_of_a_home_lies_in_its_folder(tmp_path: Path) -> None:
    home = Home(tmp_path, Settings())
    places = [
        home.database,
        home.vectors,
        home.ledger,
        home.staging,
        home.cache,
        home.lock("x").path,
    ]
    assert [str(place.relative_to(tmp_path)) for place in places] == [
        "catalog.duckdb",
        "vectors",
        "ledger",
        "staging",
        "cache",
        "locks/x",
    ]


@pytest.mark.parametrize(
    "name", ["with space", "quo'te\"", "br[ack]et*", "per%cent #", "ünï漢", "a:b@c;$d"]
)
def test_a_home_may_have_almost_any_name(tmp_path: Path, name: str) -> None:
    catalog.init(tmp_path / name)
    assert catalog.open(tmp_path / name).sql("select 1 as one").to_pylist() == [{"one": 1}]


def test_a_home_with_a_question_mark_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="DuckDB misreads paths with a question mark"):
        catalog.init(tmp_path / "why?")
    assert list(tmp_path.iterdir()) == []


def test_a_home_named_relatively_stays_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cat = catalog.init()
    monkeypatch.chdir("/")
    assert cat.home.path == tmp_path / ".catalog"
    assert cat.sql("select count(*) as n from sample").to_pylist() == [{"n": 0}]
