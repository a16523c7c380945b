"""What is known of samples, and what was chosen: spaces, scores, marks, snapshots."""

from sqlalchemy import JSON, REAL, BigInteger, Boolean, Double, Integer, LargeBinary, Text

from catalog.schema.base import column, moment, table

embedding_space = table(
    "embedding_space",
    column("space_id", BigInteger),
    column("name", Text),
    column("model", Text),
    column("model_revision", Text),
    column("template", Text),
    column("template_hash", Text),
    column("text", Text),
    column("pooling", Text),
    column("layer", Text),
    column("max_tokens", Integer),
    column("compute_dtype", Text),
    column("stored_dtype", Text),
    column("width", Integer),
    column("query_prefix", Text),
    column("passage_prefix", Text),
    column("derivation", Text),
    column("table_name", Text),
    column("location", Text),
)
scorer = table(
    "scorer",
    column("scorer_id", BigInteger),
    column("name", Text),
    column("space_id", BigInteger, nullable=True),
    column("contract", JSON),
)
sample_score = table(
    "sample_score",
    column("sample_id", BigInteger),
    column("scorer_id", BigInteger),
    column("value", Double, nullable=True),
    column("label", Text, nullable=True),
    column("truncated", Boolean, nullable=True),
)
contamination_check = table(
    "contamination_check",
    column("check_id", BigInteger),
    column("task_id", BigInteger),
    column("task", Text),
    column("role", Text),
    column("parameters", JSON),
    column("report", JSON),
    column("checked_at", moment()),
)
contamination_mark = table(
    "contamination_mark",
    column("check_id", BigInteger),
    column("task_id", BigInteger),
    column("sample_id", BigInteger),
    column("query_id", BigInteger),
    column("kind", Text),
    column("part", Text),
    column("evidence", Text),
    column("score", Double),
)
sample_list = table(
    "sample_list",
    column("digest", Text),
    column("content_hash", LargeBinary),
)
vector_index = table(
    "vector_index",
    column("space_id", BigInteger),
    column("kind", Text),
    column("samples", BigInteger),
    column("recall", Double),
    column("recall_at", Integer),
    column("queries", Integer),
    column("parameters", JSON),
    column("built_at", moment()),
)
snapshot = table(
    "snapshot",
    column("snapshot_id", BigInteger),
    column("name", Text),
    column("version", Integer),
    column("method", Text),
    column("rule", Text),
    column("recipe", JSON),
    column("seed", BigInteger),
    column("space_id", BigInteger, nullable=True),
    column("tasks", JSON),
    column("pool_change_id", BigInteger),
    column("size", BigInteger),
    column("tokens", BigInteger, nullable=True),
    column("digest", Text),
    column("author", Text, nullable=True),
    column("note", Text, nullable=True),
    column("created_at", moment()),
    column("software_version", Text),
    column("deleted_at", moment(), nullable=True),
)
snapshot_member = table(
    "snapshot_member",
    column("snapshot_id", BigInteger),
    column("position", BigInteger),
    column("sample_id", BigInteger),
    column("score", REAL, nullable=True),
    column("task", Text, nullable=True),
    column("query_id", BigInteger, nullable=True),
    column("rank", BigInteger, nullable=True),
    column("turn", BigInteger, nullable=True),
    column("repeats", Integer),
)
