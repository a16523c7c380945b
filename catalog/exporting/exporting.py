"""The export verb: written aside, put in place whole or not at all, then recorded."""

from dataclasses import dataclass
from pathlib import Path

from catalog.errors import InvalidInput, UnfitSamples
from catalog.exporting import ExportFormat
from catalog.exporting.formats import FORMATS, Format
from catalog.exporting.members import held, require_text
from catalog.exporting.placing import (
    beside,
    place,
    place_into,
    remove,
    require_data_set,
    require_file,
    require_folder,
)
from catalog.exporting.recording import record
from catalog.exporting.writing import Writing
from catalog.home import Home
from catalog.progress import Progress, silent
from catalog.snapshot import find
from catalog.store import Store

REQUIRE = {"file": require_file, "data set": require_data_set, "folder": require_folder}


@dataclass(frozen=True)
class ExportReport:
    """What an export did.

    Attributes:
        snapshot: `name@version`.
        format: one of `FORMATS`.
        output: the file or folder, absolute.
        rows: it has.
        written: whether it wrote it; False if the same was there already.
        left_out: rows that were left out because they were purged, or a trainer cannot read them.
        notices: what was left out, and what a trainer reads otherwise than it is.
        usage: how the trainer is told of it.
    """

    snapshot: str
    format: ExportFormat
    output: Path
    rows: int
    written: bool
    left_out: int = 0
    notices: tuple[str, ...] = ()
    usage: str = ""


def export(
    home: Home,
    reference: str,
    output: str | Path,
    *,
    format: ExportFormat = "jsonl",
    overwrite: bool = False,
    skip_purged: bool = False,
    skip_unsupported: bool = False,
    progress: Progress = silent,
) -> ExportReport:
    """Write a snapshot's members in order, with their identity.

    Args:
        home: the catalog's.
        reference: `name@version`, or `name` for the newest.
        output: the file to write; for `hf`, `llama-factory` and `axolotl` a folder.
        format: `jsonl`, `parquet`, `hf` for a folder that `datasets.load_from_disk` reads, or what
            a trainer reads: `trl`, `llama-factory`, `axolotl`, `open-instruct`.
        overwrite: replace what is there, if it is something else.
        skip_purged: leave out members whose text was purged.
        skip_unsupported: leave out members that the trainer cannot read as they are.
        progress: is told how many rows are written.

    Raises:
        OutputExists: the output holds other content.
        TextPurged: the text of members was purged.
        UnfitSamples: the trainer cannot read some members as they are.
    """
    if format not in FORMATS:
        raise InvalidInput(f"no export format {format!r}", hint=f"Formats: {', '.join(FORMATS)}.")
    suffix = FORMATS[format].suffix
    if not str(output).endswith(suffix):
        raise InvalidInput(
            f"{format} takes {Path(output).name!r} for a data set's name, not for a file",
            hint=f"End the name of --output in {suffix}",
        )
    with Store(home).read():
        snapshot = find(home, reference)
        found = held(home, snapshot)
    if not skip_purged:
        require_text(snapshot, found)
    path = Path(output).expanduser().absolute()
    total = found.rows - found.purged_rows
    writing = Writing(home, snapshot, path, overwrite, total, progress)
    try:
        REQUIRE[FORMATS[format].output](path)
        written = _write(writing, FORMATS[format], skip_unsupported)
    except OSError as error:
        raise InvalidInput(
            f"cannot write {path}: {error}", hint="Is there room, and may you write there?"
        ) from error
    data = path / FORMATS[format].data.format(name=writing.name)
    record(home, snapshot, format, data, writing.tally.written, known=not written)
    return _report(writing, format, written, found.purged_rows)


def _report(
    writing: Writing, format: ExportFormat, written: bool, purged_rows: int
) -> ExportReport:
    purged = (f"left out {purged_rows:,}: their text was purged",) if purged_rows else ()
    return ExportReport(
        str(writing.snapshot),
        format,
        writing.output,
        writing.tally.written,
        written,
        purged_rows + writing.tally.unfit.total(),
        (*purged, *writing.tally.notices()),
        FORMATS[format].usage.format(name=writing.name, output=writing.output),
    )


def _write(writing: Writing, format: Format, skip_unsupported: bool) -> bool:
    """Write aside, put it in place if it differs from what is there, and return whether it did."""
    path = writing.output
    aside = beside(path, inside=format.output == "folder")
    try:
        if format.output == "folder":
            aside.mkdir()
        format.write(writing, aside)
        _require_fit(writing, skip_unsupported)
        if format.output == "folder":
            return place_into(aside, path, overwrite=writing.overwrite, merged=writing.merged)
        return place(aside, path, overwrite=writing.overwrite)
    finally:
        writing.close()
        remove(aside)


def _require_fit(writing: Writing, skip_unsupported: bool) -> None:
    """Check that the trainer reads what was written.

    Raises:
        UnfitSamples: it cannot read some rows, or none is left.
    """
    tally = writing.tally
    if tally.unfit and not (skip_unsupported and tally.written):
        left = "Leave them out with --skip-unsupported, or choose" if tally.written else "Choose"
        raise UnfitSamples(
            f"{tally.unfit.total():,} of {writing.total:,} rows cannot be read as they are: "
            f"{tally.reasons()}",
            hint=f"{left} another --format.",
        )
