"""What models saw: runs, their attempts and exposures, what they scored; what was taken back."""

from sqlalchemy import JSON, BigInteger, Boolean, Double, Integer, LargeBinary, Text

from catalog.schema.base import column, moment, table

run = table(
    "run",
    column("run_id", BigInteger),
    column("name", Text),
    column("uid", Text, nullable=True),
    column("model", Text, nullable=True),
    column("parent_run_id", BigInteger, nullable=True),
    column("parent_step", BigInteger, nullable=True),
    column("tags", JSON),
    column("config", JSON, nullable=True),
    column("manifest", JSON),
    column("started_at", moment()),
    column("finished_at", moment(), nullable=True),
    column("final_step", BigInteger, nullable=True),
)
run_snapshot = table(
    "run_snapshot",
    column("run_id", BigInteger),
    column("position", Integer),
    column("snapshot_id", BigInteger, nullable=True),
    column("reference", Text),
    column("digest", Text, nullable=True),
)
attempt = table(
    "attempt",
    column("run_id", BigInteger),
    column("attempt", Integer),
    column("parent_attempt", Integer, nullable=True),
    column("parent_step", BigInteger),
    column("assumed", Boolean),
    column("world_size", Integer, nullable=True),
    column("manifest", JSON),
    column("started_at", moment(), nullable=True),
)
ledger_segment = table(
    "ledger_segment",
    column("run_id", BigInteger),
    column("name", Text),
    column("kind", Text),
    column("attempt", Integer, nullable=True),
    column("rank", Integer, nullable=True),
    column("digest", Text),
    column("rows", BigInteger),
    column("problem", Text, nullable=True),
)
exposure = table(
    "exposure",
    column("run_id", BigInteger),
    column("attempt", Integer),
    column("step", BigInteger),
    column("micro_step", Integer),
    column("rank", Integer),
    column("position", Integer),
    column("epoch", Integer),
    column("sample_id", BigInteger),
    column("dataset_position", BigInteger, nullable=True),
    column("batch_row", Integer, nullable=True),
    column("row_start", Integer, nullable=True),
    column("sample_start", Integer, nullable=True),
    column("tokens", Integer, nullable=True),
    column("truncated_tokens", Integer, nullable=True),
    column("loss_tokens", Integer, nullable=True),
    column("repeated", Boolean),
)
unknown_sample = table(
    "unknown_sample",
    column("sample_id", BigInteger),
    column("content_hash", LargeBinary),
)
training_step = table(
    "training_step",
    column("run_id", BigInteger),
    column("attempt", Integer),
    column("rank", Integer),
    column("step", BigInteger),
    column("exposures", BigInteger),
    column("applied", Boolean),
    column("reason", Text, nullable=True),
    column("digest", LargeBinary, nullable=True),
)
dropped_sample = table(
    "dropped_sample",
    column("run_id", BigInteger),
    column("attempt", Integer),
    column("sample_id", BigInteger),
    column("reason", Text),
)
checkpoint = table(
    "checkpoint",
    column("run_id", BigInteger),
    column("attempt", Integer),
    column("step", BigInteger),
    column("path", Text, nullable=True),
)
lost_exposure = table(
    "lost_exposure",
    column("run_id", BigInteger),
    column("attempt", Integer),
    column("rank", Integer),
    column("first_step", BigInteger),
    column("last_step", BigInteger),
    column("exposures", BigInteger),
    column("reason", Text),
)
run_coverage = table(
    "run_coverage",
    column("run_id", BigInteger),
    column("attempt", Integer),
    column("last_step", BigInteger),
    column("steps", BigInteger),
    column("recorded_steps", BigInteger),
    column("exposures", BigInteger),
    column("ranks_missing", Integer),
    column("damaged_segments", Integer),
    column("lost_exposures", BigInteger),
)
evaluation = table(
    "evaluation",
    column("run_id", BigInteger),
    column("step", BigInteger, nullable=True),
    column("benchmark", Text),
    column("metric", Text),
    column("value", Double),
    column("stderr", Double, nullable=True),
    column("settings", JSON),
    column("file", Text, nullable=True),
    column("digest", Text, nullable=True),
)
export = table(
    "export",
    column("export_id", BigInteger),
    column("snapshot_id", BigInteger),
    column("format", Text),
    column("path", Text),
    column("rows", BigInteger),
    column("exported_at", moment()),
)
purge = table(
    "purge",
    column("sample_id", BigInteger),
    column("purged_at", moment()),
)
