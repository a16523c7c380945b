"""Pages rendered from templates, and written whole or not at all."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.errors import InvalidInput, OutputExists

LOOK = Path(__file__).parent
"""Where `look.css` is, which all pages include."""


@dataclass(frozen=True)
class Written:
    """Where a page is, and whether it was written anew rather than there already."""

    path: Path
    is_new: bool


def render(
    template: Path,
    *,
    filters: Mapping[str, Callable[..., str]] | None = None,
    **values: Any,  # noqa: ANN401
) -> str:
    """Return a page: everything in it is escaped, and what is not told is an error.

    Args:
        template: a file of jinja.
        filters: functions that it may call, by name.
        values: what it may show.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([template.parent, LOOK]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(filters or {})
    return environment.get_template(template.name).render(values)


def require_replaceable(path: str | Path, option: str) -> None:
    """Check that a page could be written here, before anything is computed for it.

    Args:
        path: of the page.
        option: what names it on the command line, for the hint.

    Raises:
        OutputExists: there is something that is no file.
        InvalidInput: the folder cannot be written to.
    """
    place = Path(path).expanduser().absolute()
    if place.exists() and not place.is_file():
        raise OutputExists(
            f"{place} exists and is not a file, so it is not replaced",
            hint=f"Name another {option}.",
        )
    folder = next(parent for parent in place.parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise InvalidInput(
            f"cannot write {place}: {folder} is no folder that you may write to",
            hint=f"Name another {option}.",
        )


def write_page(text: str, path: str | Path, option: str, *, overwrite: bool) -> Written:
    """Write a page, whole or not at all.

    Args:
        text: the page.
        path: where it goes.
        option: what names it on the command line, for the hint.
        overwrite: replace other content.

    Raises:
        OutputExists: the file holds other content, and may not be replaced.
        InvalidInput: it cannot be written.
    """
    require_replaceable(path, option)
    place = Path(path).expanduser().absolute()
    content = text.encode(errors="replace")
    try:
        if place.exists():
            if place.read_bytes() == content:
                return Written(place, is_new=False)
            if not overwrite:
                raise OutputExists(
                    f"{place} exists and holds other content",
                    hint=f"Use --overwrite to replace it, or another {option}.",
                )
        place.parent.mkdir(parents=True, exist_ok=True)
        aside = place.with_name(f".{place.name}.{os.getpid()}.partial")
        try:
            aside.write_bytes(content)
            aside.replace(place)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        raise InvalidInput(
            f"cannot write {place}: {error}", hint="Is there room, and may you write there?"
        ) from error
    return Written(place, is_new=True)
