"""A report as one page for a browser: nothing to fetch, nothing to run."""

from pathlib import Path

from catalog.pages import Written, render, write_page
from catalog.report import drawing, wording
from catalog.report.facts import MARKED, RunReport

TEMPLATE = Path(__file__).with_name("page.html")
OPTION = "--output"


def html(report: RunReport) -> str:
    """Return the page; the same report gives the same text."""
    last_step, attempts = drawing.attempts(report)
    sources = drawing.composition(report)
    return render(
        TEMPLATE,
        filters={name: getattr(wording, name) for name in ("number", "moment", "several")},
        report=report,
        audit=report.audit,
        view=report.view,
        coverage=report.audit.coverage[0],
        which=wording.which(report),
        answer=wording.answer(report),
        contamination=wording.contamination(report),
        gaps=wording.gaps(report),
        order=wording.order(report),
        epochs=wording.epochs(report),
        sources=list(zip(sources, drawing.shares(sources, "exposures"), strict=True)),
        often=list(zip(report.often, drawing.shares(report.often, "samples"), strict=True)),
        over_time=drawing.over_time(report.over_time),
        attempts=attempts,
        attempts_left_out=len(report.view.attempts) - len(attempts),
        last_step=last_step,
        lineage=drawing.lineage(report),
        software=drawing.software(report),
        changed=drawing.changed(report),
        config=drawing.flat(report.view.run["config"] or {}),
        most=MARKED,
    )


def write(report: RunReport, path: str | Path, *, overwrite: bool) -> Written:
    """Write the page, whole or not at all.

    Raises:
        OutputExists: the file holds other content, and may not be replaced.
        InvalidInput: it cannot be written.
    """
    return write_page(html(report), path, OPTION, overwrite=overwrite)
