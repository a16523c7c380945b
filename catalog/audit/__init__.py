"""Who saw what, in both directions, and how much of it is recorded."""

from catalog.audit.asking import RunAudit, SampleAudit, audit_run, audit_sample, find_sample

__all__ = ["RunAudit", "SampleAudit", "audit_run", "audit_sample", "find_sample"]
