"""Who saw what, in both directions, and how much of it is recorded."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from catalog.audit.contamination import ContaminationAudit, audit_contamination
    from catalog.audit.coverage import Coverage
    from catalog.audit.finding import find_sample
    from catalog.audit.overlap import OverlapAudit, audit_overlap, overlap_samples
    from catalog.audit.run import RunAudit, audit_run, run_samples
    from catalog.audit.sample import SampleAudit, audit_sample
    from catalog.audit.source import SourceAudit, audit_source

__all__ = [
    "ContaminationAudit",
    "Coverage",
    "OverlapAudit",
    "RunAudit",
    "SampleAudit",
    "SourceAudit",
    "audit_contamination",
    "audit_overlap",
    "audit_run",
    "audit_sample",
    "audit_source",
    "find_sample",
    "overlap_samples",
    "run_samples",
]
ROOMS = {
    "ContaminationAudit": "contamination",
    "Coverage": "coverage",
    "OverlapAudit": "overlap",
    "RunAudit": "run",
    "SampleAudit": "sample",
    "SourceAudit": "source",
    "audit_contamination": "contamination",
    "audit_overlap": "overlap",
    "audit_run": "run",
    "audit_sample": "sample",
    "audit_source": "source",
    "find_sample": "finding",
    "overlap_samples": "overlap",
    "run_samples": "run",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Import what is asked for: a sample is found without numpy."""
    if name not in ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{ROOMS[name]}"), name)
