"""A comparison as one page for a browser: plots and tables, nothing to fetch, nothing to run."""

from pathlib import Path

from catalog.compare.comparison import Comparison
from catalog.compare.telling import answer, draws_in_words
from catalog.pages import Written, render, write_page

TEMPLATE = Path(__file__).with_name("page.html")
OPTION = "--html"


def html(comparison: Comparison) -> str:
    """Return the page; the same comparison gives the same text."""
    from catalog.compare.sections import legend, sections  # matplotlib, which nothing else needs

    return render(
        TEMPLATE,
        comparison=comparison,
        names=[column.name for column in comparison.of("snapshot")],
        described={column.key: column.name for column in comparison.columns},
        answer=answer(comparison),
        draws=draws_in_words(comparison),
        legend=legend(comparison),
        sections=list(sections(comparison)),
    )


def write(comparison: Comparison, path: str | Path, *, overwrite: bool) -> Written:
    """Write the page, whole or not at all.

    Raises:
        OutputExists: the file holds other content, and may not be replaced.
        InvalidInput: it cannot be written.
    """
    return write_page(html(comparison), path, OPTION, overwrite=overwrite)
