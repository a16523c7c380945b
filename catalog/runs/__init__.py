"""Runs: begun, taken in from their ledgers, finished, and what their models scored."""

from catalog.runs.importing import ImportReport, import_runs

__all__ = ["ImportReport", "import_runs"]
