"""The tables, as SQLAlchemy Core metadata. Migrations make them; a test holds the two equal.

Every row carries the `change_id` of the transaction that wrote it: the catalog's own clock. "The
pool as a snapshot saw it" is every row whose change_id is at most the snapshot's.
DuckDB's foreign keys forbid too much to be used: integrity lives in `queries/check/`.
"""

from typing import Any

from sqlalchemy import (
    JSON,
    REAL,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.types import UserDefinedType

metadata = MetaData()


class Messages(UserDefinedType[list[dict[str, Any]]]):
    """A conversation: its messages in order; `extra` holds what else a model may be trained on."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Return the type as DuckDB writes it."""
        return "STRUCT(role VARCHAR, content VARCHAR, extra JSON)[]"


def _moment() -> DateTime:
    return DateTime(timezone=True)


def _table(name: str, *columns: Column[Any], clock: bool = True) -> Table:
    """Declare a table; columns are required unless they say `nullable=True`."""
    last = [Column("change_id", BigInteger, nullable=False)] if clock else []
    return Table(name, metadata, *columns, *last)


def _column(name: str, kind: Any, *, nullable: bool = False) -> Column[Any]:  # noqa: ANN401
    return Column(name, kind, nullable=nullable)


change = _table(
    "change",
    _column("change_id", BigInteger),
    _column("kind", Text),
    _column("job_id", BigInteger, nullable=True),
    _column("at", _moment()),
    clock=False,
)
job = _table(
    "job",
    _column("job_id", BigInteger),
    _column("kind", Text),
    _column("fingerprint", Text),
    _column("parameters", JSON),
    _column("status", Text),
    _column("checkpoint", BigInteger),
    _column("rows_read", BigInteger),
    _column("rows_added", BigInteger),
    _column("rows_duplicate", BigInteger),
    _column("rows_refused", BigInteger),
    _column("rows_retired", BigInteger),
    _column("error", Text, nullable=True),
    _column("started_at", _moment()),
    _column("finished_at", _moment(), nullable=True),
    _column("software_version", Text),
)
source = _table(
    "source",
    _column("source_id", BigInteger),
    _column("name", Text),
    _column("revision", Text),
    _column("uri", Text, nullable=True),
    _column("license", Text, nullable=True),
    _column("format", Text),
)
sample = _table(
    "sample",
    _column("sample_id", BigInteger),
    _column("content_hash", LargeBinary),
    _column("order_key", BigInteger),
    _column("messages", Messages()),
    _column("tools", JSON, nullable=True),
    _column("turns", Integer),
    _column("characters", BigInteger),
)
sample_source = _table(
    "sample_source",
    _column("sample_id", BigInteger),
    _column("source_id", BigInteger),
    _column("external_id", Text, nullable=True),
    _column("file", Text),
    _column("line", BigInteger),
    _column("metadata", JSON, nullable=True),
    _column("job_id", BigInteger),
)
rejection = _table(
    "rejection",
    _column("job_id", BigInteger),
    _column("source", Text, nullable=True),
    _column("file", Text),
    _column("line", BigInteger),
    _column("reason", Text),
    _column("detail", Text, nullable=True),
    _column("raw", Text),
)
retirement = _table(
    "retirement",
    _column("sample_id", BigInteger),
    _column("retired", Boolean),
    _column("reason", Text),
)
task = _table(
    "task",
    _column("task_id", BigInteger),
    _column("name", Text),
    _column("role", Text),
    _column("revision", Integer),
    _column("uri", Text),
    _column("digest", Text),
    _column("query_count", BigInteger),
)
query = _table(
    "query",
    _column("query_id", BigInteger),
    _column("task_id", BigInteger),
    _column("position", BigInteger),
    _column("external_id", Text, nullable=True),
    _column("content_hash", LargeBinary),
    _column("messages", Messages()),
    _column("tools", JSON, nullable=True),
    _column("metadata", JSON, nullable=True),
)
embedding_space = _table(
    "embedding_space",
    _column("space_id", BigInteger),
    _column("name", Text),
    _column("model", Text),
    _column("model_revision", Text),
    _column("template", Text),
    _column("template_hash", Text),
    _column("text", Text),
    _column("pooling", Text),
    _column("layer", Text),
    _column("max_tokens", Integer),
    _column("compute_dtype", Text),
    _column("stored_dtype", Text),
    _column("width", Integer),
    _column("query_prefix", Text),
    _column("passage_prefix", Text),
    _column("derivation", Text),
    _column("table_name", Text),
    _column("location", Text),
)
scorer = _table(
    "scorer",
    _column("scorer_id", BigInteger),
    _column("name", Text),
    _column("space_id", BigInteger, nullable=True),
    _column("contract", JSON),
)
sample_score = _table(
    "sample_score",
    _column("sample_id", BigInteger),
    _column("scorer_id", BigInteger),
    _column("value", Double, nullable=True),
    _column("label", Text, nullable=True),
    _column("truncated", Boolean, nullable=True),
)
contamination_check = _table(
    "contamination_check",
    _column("check_id", BigInteger),
    _column("task_id", BigInteger),
    _column("task", Text),
    _column("role", Text),
    _column("parameters", JSON),
    _column("report", JSON),
    _column("checked_at", _moment()),
)
contamination_mark = _table(
    "contamination_mark",
    _column("check_id", BigInteger),
    _column("task_id", BigInteger),
    _column("sample_id", BigInteger),
    _column("query_id", BigInteger),
    _column("kind", Text),
    _column("part", Text),
    _column("evidence", Text),
    _column("score", Double),
)
sample_list = _table(
    "sample_list",
    _column("digest", Text),
    _column("content_hash", LargeBinary),
)
vector_index = _table(
    "vector_index",
    _column("space_id", BigInteger),
    _column("kind", Text),
    _column("samples", BigInteger),
    _column("recall", Double),
    _column("recall_at", Integer),
    _column("queries", Integer),
    _column("parameters", JSON),
    _column("built_at", _moment()),
)
snapshot = _table(
    "snapshot",
    _column("snapshot_id", BigInteger),
    _column("name", Text),
    _column("version", Integer),
    _column("method", Text),
    _column("rule", Text),
    _column("recipe", JSON),
    _column("seed", BigInteger),
    _column("space_id", BigInteger, nullable=True),
    _column("tasks", JSON),
    _column("pool_change_id", BigInteger),
    _column("size", BigInteger),
    _column("tokens", BigInteger, nullable=True),
    _column("digest", Text),
    _column("author", Text, nullable=True),
    _column("note", Text, nullable=True),
    _column("created_at", _moment()),
    _column("software_version", Text),
    _column("deleted_at", _moment(), nullable=True),
)
snapshot_member = _table(
    "snapshot_member",
    _column("snapshot_id", BigInteger),
    _column("position", BigInteger),
    _column("sample_id", BigInteger),
    _column("score", REAL, nullable=True),
    _column("task", Text, nullable=True),
    _column("query_id", BigInteger, nullable=True),
    _column("rank", BigInteger, nullable=True),
    _column("turn", BigInteger, nullable=True),
    _column("repeats", Integer),
)
run = _table(
    "run",
    _column("run_id", BigInteger),
    _column("name", Text),
    _column("model", Text, nullable=True),
    _column("snapshot_id", BigInteger, nullable=True),
    _column("manifest", JSON),
    _column("started_at", _moment()),
)
ledger_segment = _table(
    "ledger_segment",
    _column("run_id", BigInteger),
    _column("name", Text),
    _column("digest", Text),
    _column("exposures", BigInteger),
)
exposure = _table(
    "exposure",
    _column("run_id", BigInteger),
    _column("attempt", Integer),
    _column("step", BigInteger),
    _column("position", BigInteger),
    _column("epoch", Integer),
    _column("process", Integer),
    _column("sample_id", BigInteger, nullable=True),
    _column("content_hash", LargeBinary, nullable=True),
)
evaluation = _table(
    "evaluation",
    _column("run_id", BigInteger),
    _column("benchmark", Text),
    _column("metric", Text),
    _column("value", Double),
)
