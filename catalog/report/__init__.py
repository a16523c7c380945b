"""What a run was shown, on one page for a browser."""

from catalog.report.facts import RunReport, report_run
from catalog.report.page import html, write

__all__ = ["RunReport", "html", "report_run", "write"]
