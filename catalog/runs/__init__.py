"""Runs: begun, taken in from their ledgers, finished, and what their models scored."""

from catalog.runs.evaluating import EvaluationReport, import_results
from catalog.runs.finishing import Finished, finish_run
from catalog.runs.importing import ImportReport, import_runs
from catalog.runs.showing import RunView, show_run
from catalog.runs.starting import Started, read_config, start_run

__all__ = [
    "EvaluationReport",
    "Finished",
    "ImportReport",
    "RunView",
    "Started",
    "finish_run",
    "import_results",
    "import_runs",
    "read_config",
    "show_run",
    "start_run",
]
