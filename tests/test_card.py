"""A card: what is published says what it is, and what reads it finds every sample again."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import catalog
import ingest
from catalog import Catalog
from catalog.card.facts import Source
from catalog.errors import OutputExists, TextPurged
from tests.conftest import talk
from tests.test_export_trainers import CALLS, PLAIN, SYSTEM, hashes

Row = dict[str, Any]


@pytest.fixture(scope="module")
def published_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three samples of two sources, one of them in both, all in `all@1`."""
    folder = tmp_path_factory.mktemp("published")
    cat = catalog.init(folder / "home")
    for name, rows, license in (
        ("chat|s", [PLAIN, SYSTEM], "Apache 2.0"),
        ("tools", [CALLS, PLAIN], None),
    ):
        path = folder / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        ingest.load(cat, [path], source=name, license=license)
    cat.select("all", sql="from pool order by sample_id")
    return cat.home.path


@pytest.fixture
def published(published_home: Path, tmp_path: Path) -> Catalog:
    return catalog.open(shutil.copytree(published_home, tmp_path / "home"))


def croissant(folder: Path) -> Row:
    found: Row = json.loads((folder / "croissant.json").read_text())
    return found


def front(folder: Path) -> Row:
    """The card's YAML."""
    found: Row = yaml.safe_load((folder / "README.md").read_text().split("---\n")[1])
    return found


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail at any connection."""
    import socket

    def refuse(*args: object) -> None:
        raise AssertionError(f"a connection to {args}")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.filterwarnings("ignore")
def test_mlcroissant_finds_the_metadata_valid_and_loads_every_record(
    published: Catalog, tmp_path: Path, no_network: None
) -> None:
    import mlcroissant

    published.card("all", tmp_path / "card", url="https://example.org/all", languages=["en"])
    data = mlcroissant.Dataset(jsonld=str(tmp_path / "card" / "croissant.json"))
    assert (data.metadata.ctx.issues.errors, data.metadata.ctx.issues.warnings) == (set(), set())
    assert data.metadata.conforms_to[0] == "http://mlcommons.org/croissant/1.1"
    records = list(data.records("conversations"))
    assert [record["conversations/content_hash"] for record in records] == [
        one.encode() for one in hashes(published)
    ]
    read = [
        [
            {
                name.rpartition("/")[2]: value.decode() if isinstance(value, bytes) else value
                for name, value in message.items()
                if value is not None
            }
            for message in record["conversations/messages"]
        ]
        for record in records
    ]
    assert read[0] == PLAIN["messages"]
    assert read[1] == SYSTEM["messages"]
    assert json.loads(read[2][1].pop("tool_calls")) == CALLS["messages"][1]["tool_calls"]
    assert read[2][3] == CALLS["messages"][3]
    assert json.loads(records[2]["conversations/tools"]) == CALLS["tools"]
    assert records[0]["conversations/sources"] == [b"chat|s", b"tools"]


def test_the_metadata_says_where_the_samples_come_from(published: Catalog, tmp_path: Path) -> None:
    report = published.card("all", tmp_path / "card", creator="Ann", languages=["en", "de"])
    assert report.notices == (
        "no licence is known of tools@main: catalog ingest … --license",
        "no address of the data set's page: --url, which Croissant asks for",
    )
    found = croissant(tmp_path / "card")
    snapshot = published.snapshot("all")
    assert found["creator"] == {"@type": "sc:Person", "name": "Ann"}
    assert found["license"] == ["https://spdx.org/licenses/Apache-2.0.html"]
    assert found["prov:wasDerivedFrom"] == [
        {
            "@type": "prov:Entity",
            "@id": "urn:catalog:source:chat%7Cs:main",
            "prov:label": "chat|s@main",
            "sc:license": "Apache-2.0",
        },
        {
            "@type": "prov:Entity",
            "@id": "urn:catalog:source:tools:main",
            "prov:label": "tools@main",
        },
    ]
    assert found["prov:wasGeneratedBy"]["@id"] == f"urn:catalog:digest:{snapshot.digest}"
    assert "2 of chat|s@main, 1 of tools@main" in found["rai:dataCollection"]
    assert "No licence is known of: tools." in found["rai:dataLimitations"]
    assert str(tmp_path) not in json.dumps(found)


def test_the_hub_and_datasets_read_the_card(
    published: Catalog, tmp_path: Path, no_network: None
) -> None:
    import datasets
    from huggingface_hub import DatasetCard

    datasets.disable_progress_bars()
    published.card("all", tmp_path / "card", languages=["en"])
    card = DatasetCard.load(tmp_path / "card" / "README.md")
    assert card.data.to_dict() == front(tmp_path / "card")
    assert front(tmp_path / "card") == {
        "pretty_name": "all@1",
        "license": ["apache-2.0", "unknown"],
        "language": ["en"],
        "task_categories": ["text-generation"],
        "size_categories": ["n<1K"],
        "tags": ["instruction-tuning", "croissant"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": "train", "path": "data/train.parquet"}],
            }
        ],
    }
    found = datasets.load_dataset(str(tmp_path / "card"), cache_dir=str(tmp_path / "cache"))
    assert list(found["train"]["content_hash"]) == hashes(published)
    text = (tmp_path / "card" / "README.md").read_text()
    assert "| chat\\|s | main | 2 | 0 | Apache-2.0 |  |" in text
    assert "| tools | main | 1 | 1 | unknown |  |" in text


def test_the_cards_own_check_of_the_digest_holds_until_a_row_is_changed(
    stocked_home: Path, tmp_path: Path
) -> None:
    import pyarrow.parquet as pq

    cat = catalog.open(shutil.copytree(stocked_home, tmp_path / "home"))
    cat.select("a", method="random", size=3)
    cat.mix("m", ["a@1=6"], repeats=2)
    assert cat.card("m", tmp_path / "card").rows == 6
    text = (tmp_path / "card" / "README.md").read_text()
    code = text.split("```python\n")[1].split("```")[0]

    def check() -> int:
        return subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path / "card", capture_output=True
        ).returncode

    assert check() == 0
    data = tmp_path / "card" / "data" / "train.parquet"
    pq.write_table(pq.read_table(data).slice(1), data)
    assert check() != 0


def test_checks_for_contamination_are_in_the_card(
    published: Catalog, tmp_path: Path, write_jsonl: Callable[..., Path]
) -> None:
    ingest.add_task(published, "leak", write_jsonl("leak.jsonl", [talk("Weather?", "It rains.")]))
    published.decontaminate(["leak"])
    published.card("all", tmp_path / "card")
    [said, *_] = croissant(tmp_path / "card")["rai:dataLimitations"]
    assert said == published.contamination("all").in_words
    assert f"- {said}\n" in (tmp_path / "card" / "README.md").read_text()


def test_a_folder_of_the_users_keeps_its_other_files(published: Catalog, tmp_path: Path) -> None:
    folder = tmp_path / "card"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    assert published.card("all", folder).written
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*")}
    assert not published.card("all", folder).written
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*")} == before
    (folder / "README.md").write_text("my own words")
    with pytest.raises(OutputExists, match=r"README\.md exists and holds other content"):
        published.card("all", folder)
    assert (folder / "README.md").read_text() == "my own words"
    assert published.card("all", folder, overwrite=True).written
    assert (folder / "notes.txt").read_text() == "mine"
    assert sorted(file.name for file in folder.iterdir()) == [
        "README.md",
        "croissant.json",
        "data",
        "notes.txt",
    ]
    paths = published.sql("select format, path, rows from export").to_pylist()
    assert (
        paths == [{"format": "card", "path": str(folder / "data" / "train.parquet"), "rows": 3}] * 2
    )


def test_a_card_without_purged_text_says_so(published: Catalog, tmp_path: Path) -> None:
    purge_first(published)
    with pytest.raises(TextPurged):
        published.card("all", tmp_path / "card")
    assert not (tmp_path / "card").exists()
    assert published.card("all", tmp_path / "card", skip_purged=True).rows == 2
    text = (tmp_path / "card" / "README.md").read_text()
    assert "1 samples are left out: their text was destroyed" in text
    assert "```python" not in text


def purge_first(cat: Catalog) -> None:
    """Mark the first member's text as gone, as a purge does."""
    from datetime import UTC, datetime

    from catalog import schema
    from catalog.store import Store

    with Store(cat.home).write("purge") as transaction:
        transaction.insert(schema.purge, {"sample_id": 1, "purged_at": datetime.now(UTC)})


def test_an_address_with_a_space_is_written_as_addresses_are(tmp_path: Path) -> None:
    source = Source("a b", "main", None, "https://example.org/ä b?c=d%20e", 1, 1)
    assert source.identifier == "https://example.org/%C3%A4%20b?c=d%20e"
