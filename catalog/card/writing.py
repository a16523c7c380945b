"""The card verb: a folder with data, metadata and card, ready to be uploaded as it is."""

import json
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

from catalog.card.croissant import DataFile, Publication, metadata
from catalog.card.data import write_data
from catalog.card.facts import Facts, gather
from catalog.card.readme import card as readme
from catalog.errors import InvalidInput
from catalog.exporting.members import held, require_text
from catalog.exporting.placing import beside, place_into, remove, require_folder
from catalog.exporting.recording import record
from catalog.exporting.writing import Writing, write_text
from catalog.home import Home
from catalog.progress import Progress, silent
from catalog.snapshot import find

DATA = "data/train.parquet"
METADATA = "croissant.json"
README = "README.md"


@dataclass(frozen=True)
class CardReport:
    """What writing a card did.

    Attributes:
        snapshot: `name@version`.
        output: the folder, absolute.
        rows: of the data.
        written: whether anything was; False if the same was there already.
        notices: what the card lacks.
    """

    snapshot: str
    output: Path
    rows: int
    written: bool
    notices: tuple[str, ...]


def card(
    home: Home,
    reference: str,
    output: str | Path,
    publication: Publication,
    *,
    overwrite: bool = False,
    skip_purged: bool = False,
    progress: Progress = silent,
) -> CardReport:
    """Write a snapshot as a data set with Croissant metadata and a Hugging Face card.

    Args:
        home: the catalog's.
        reference: `name@version`, or `name` for the newest.
        output: the folder; other files in it stay.
        publication: what only the publisher knows.
        overwrite: replace files of other content.
        skip_purged: leave out members whose text was purged.
        progress: is told how many rows are written.

    Raises:
        OutputExists: the folder holds such files of other content.
        TextPurged: the text of members was purged.
    """
    snapshot = find(home, reference)
    found = held(home, snapshot)
    if not skip_purged:
        require_text(snapshot, found)
    path = Path(output).expanduser().absolute()
    total = found.rows - found.purged_rows
    writing = Writing(home, snapshot, path, overwrite, total, progress)
    facts = gather(home, snapshot, found.purged_members)
    try:
        require_folder(path)
        written = _write(writing, facts, publication)
    except OSError as error:
        raise InvalidInput(
            f"cannot write {path}: {error}", hint="Is there room, and may you write there?"
        ) from error
    rows = writing.tally.written
    record(home, snapshot, "card", path / DATA, rows, known=not written)
    return CardReport(str(snapshot), path, rows, written, _lacks(facts, publication))


def _write(writing: Writing, facts: Facts, publication: Publication) -> bool:
    path = writing.output
    aside = beside(path, inside=True)
    try:
        data = aside / DATA
        data.parent.mkdir(parents=True)
        schema = write_data(writing, data)
        with data.open("rb") as stream:
            sha256 = file_digest(stream, "sha256").hexdigest()
        file = DataFile(DATA, sha256, data.stat().st_size, writing.tally.written, schema)
        described = metadata(facts, file, publication)
        write_text(json.dumps(described, ensure_ascii=False, indent=2) + "\n", aside / METADATA)
        write_text(readme(facts, file, publication), aside / README)
        return place_into(aside, path, overwrite=writing.overwrite, merged=writing.merged)
    finally:
        writing.close()
        remove(aside)


def _lacks(facts: Facts, publication: Publication) -> tuple[str, ...]:
    """Say what Croissant or the hub asks for and nobody told."""
    lacks = [
        f"no licence is known of {source.name}@{source.revision}: catalog ingest … --license"
        for source in facts.unlicensed
    ]
    if publication.url is None:
        lacks.append("no address of the data set's page: --url, which Croissant asks for")
    if publication.creator is None and facts.snapshot.author is None:
        lacks.append("no creator: --creator, which Croissant asks for")
    if not publication.languages:
        lacks.append("no language: --language")
    return tuple(lacks)
