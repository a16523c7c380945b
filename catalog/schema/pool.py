"""What came in: changes, jobs, sources, samples, refusals, tasks."""

from sqlalchemy import JSON, BigInteger, Boolean, Integer, LargeBinary, Text

from catalog.schema.base import Messages, column, moment, table

change = table(
    "change",
    column("change_id", BigInteger),
    column("kind", Text),
    column("job_id", BigInteger, nullable=True),
    column("at", moment()),
    clock=False,
)
job = table(
    "job",
    column("job_id", BigInteger),
    column("kind", Text),
    column("fingerprint", Text),
    column("parameters", JSON),
    column("status", Text),
    column("checkpoint", BigInteger),
    column("rows_read", BigInteger),
    column("rows_added", BigInteger),
    column("rows_duplicate", BigInteger),
    column("rows_refused", BigInteger),
    column("rows_retired", BigInteger),
    column("error", Text, nullable=True),
    column("started_at", moment()),
    column("finished_at", moment(), nullable=True),
    column("software_version", Text),
)
source = table(
    "source",
    column("source_id", BigInteger),
    column("name", Text),
    column("revision", Text),
    column("uri", Text, nullable=True),
    column("license", Text, nullable=True),
    column("format", Text),
)
sample = table(
    "sample",
    column("sample_id", BigInteger),
    column("content_hash", LargeBinary),
    column("order_key", BigInteger),
    column("messages", Messages()),
    column("tools", JSON, nullable=True),
    column("turns", Integer),
    column("characters", BigInteger),
    column("source_id", BigInteger),
)
sample_source = table(
    "sample_source",
    column("sample_id", BigInteger),
    column("source_id", BigInteger),
    column("external_id", Text, nullable=True),
    column("file", Text),
    column("line", BigInteger),
    column("metadata", JSON, nullable=True),
    column("job_id", BigInteger),
    column("repeated", Boolean),
)
rejection = table(
    "rejection",
    column("job_id", BigInteger),
    column("source", Text, nullable=True),
    column("file", Text),
    column("line", BigInteger),
    column("reason", Text),
    column("detail", Text, nullable=True),
    column("raw", Text),
)
retirement = table(
    "retirement",
    column("sample_id", BigInteger),
    column("retired", Boolean),
    column("reason", Text),
)
task = table(
    "task",
    column("task_id", BigInteger),
    column("name", Text),
    column("role", Text),
    column("revision", Integer),
    column("uri", Text),
    column("digest", Text),
    column("query_count", BigInteger),
)
query = table(
    "query",
    column("query_id", BigInteger),
    column("task_id", BigInteger),
    column("position", BigInteger),
    column("external_id", Text, nullable=True),
    column("content_hash", LargeBinary),
    column("messages", Messages()),
    column("tools", JSON, nullable=True),
    column("metadata", JSON, nullable=True),
)
