"""The tables, as SQLAlchemy Core metadata. Migrations make them; a test holds the two equal.

Every row carries the `change_id` of the transaction that wrote it: the catalog's own clock. "The
pool as a snapshot saw it" is every row whose change_id is at most the snapshot's.
DuckDB's foreign keys forbid too much to be used: integrity lives in `queries/check/`.
"""

from catalog.schema.base import Messages, metadata
from catalog.schema.choosing import (
    contamination_check,
    contamination_mark,
    embedding_space,
    sample_list,
    sample_score,
    scorer,
    snapshot,
    snapshot_member,
    vector_index,
)
from catalog.schema.pool import (
    change,
    job,
    query,
    rejection,
    retirement,
    sample,
    sample_source,
    source,
    task,
)
from catalog.schema.training import (
    attempt,
    checkpoint,
    dropped_sample,
    evaluation,
    export,
    exposure,
    ledger_segment,
    lost_exposure,
    purge,
    run,
    run_coverage,
    run_snapshot,
    training_step,
    unknown_sample,
)

__all__ = [
    "Messages",
    "attempt",
    "change",
    "checkpoint",
    "contamination_check",
    "contamination_mark",
    "dropped_sample",
    "embedding_space",
    "evaluation",
    "export",
    "exposure",
    "job",
    "ledger_segment",
    "lost_exposure",
    "metadata",
    "purge",
    "query",
    "rejection",
    "retirement",
    "run",
    "run_coverage",
    "run_snapshot",
    "sample",
    "sample_list",
    "sample_score",
    "sample_source",
    "scorer",
    "snapshot",
    "snapshot_member",
    "source",
    "task",
    "training_step",
    "unknown_sample",
    "vector_index",
]
