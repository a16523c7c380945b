"""Training: runs, the exposures taken in from their ledgers, and what the models scored."""

from alembic import op

revision = "0003"
down_revision = "0002"

STATEMENTS = """
create table run (
    run_id bigint not null,
    name varchar not null,
    model varchar,
    snapshot_id bigint,
    manifest json not null,
    started_at timestamp with time zone not null,
    change_id bigint not null
);
create table ledger_segment (
    run_id bigint not null,
    name varchar not null,
    digest varchar not null,
    exposures bigint not null,
    change_id bigint not null
);
create table exposure (
    run_id bigint not null,
    attempt integer not null,
    step bigint not null,
    position bigint not null,
    epoch integer not null,
    process integer not null,
    sample_id bigint,
    content_hash blob,
    change_id bigint not null
);
create table evaluation (
    run_id bigint not null,
    benchmark varchar not null,
    metric varchar not null,
    value double not null,
    change_id bigint not null
);
"""


def upgrade() -> None:
    """Create the tables of training."""
    for statement in filter(str.strip, STATEMENTS.split(";")):
        op.execute(statement)
