"""A comparison as one page for a browser: plots and tables, nothing to fetch, nothing to run."""

import os
from dataclasses import dataclass
from pathlib import Path

from catalog.compare.comparison import Comparison
from catalog.compare.telling import answer, draws_in_words
from catalog.errors import InvalidInput, OutputExists

TEMPLATE = "page.html"


@dataclass(frozen=True)
class Written:
    """Where a page is, and whether it was written anew rather than there already."""

    path: Path
    is_new: bool


def html(comparison: Comparison) -> str:
    """Return the page; the same comparison gives the same text."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from catalog.compare.sections import legend, sections  # matplotlib, which nothing else needs

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(TEMPLATE).render(
        comparison=comparison,
        names=[column.name for column in comparison.of("snapshot")],
        described={column.key: column.name for column in comparison.columns},
        answer=answer(comparison),
        draws=draws_in_words(comparison),
        legend=legend(comparison),
        sections=list(sections(comparison)),
    )


def require_replaceable(path: str | Path) -> None:
    """Check that a page could be written here, before anything is computed for it.

    Raises:
        OutputExists: there is something that is no file.
        InvalidInput: the folder cannot be written to.
    """
    place = Path(path).expanduser().absolute()
    if place.exists() and not place.is_file():
        raise OutputExists(
            f"{place} exists and is not a file, so it is not replaced", hint="Name another --html."
        )
    folder = next(parent for parent in place.parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise InvalidInput(
            f"cannot write {place}: {folder} is no folder that you may write to",
            hint="Name another --html.",
        )


def write(comparison: Comparison, path: str | Path, *, overwrite: bool) -> Written:
    """Write the page, whole or not at all.

    Raises:
        OutputExists: the file holds other content, and may not be replaced.
        InvalidInput: it cannot be written.
    """
    require_replaceable(path)
    place = Path(path).expanduser().absolute()
    text = html(comparison).encode()
    try:
        if place.exists():
            if place.read_bytes() == text:
                return Written(place, is_new=False)
            if not overwrite:
                raise OutputExists(
                    f"{place} exists and holds other content",
                    hint="Use --overwrite to replace it, or another --html.",
                )
        place.parent.mkdir(parents=True, exist_ok=True)
        aside = place.with_name(f".{place.name}.{os.getpid()}.partial")
        try:
            aside.write_bytes(text)
            aside.replace(place)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        raise InvalidInput(
            f"cannot write {place}: {error}", hint="Is there room, and may you write there?"
        ) from error
    return Written(place, is_new=True)
