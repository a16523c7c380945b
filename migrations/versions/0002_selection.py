"""Selection: tasks and their queries, embedding spaces, per-sample scores, snapshots."""

from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENTS = """
create table task (
    task_id bigint not null,
    name varchar not null,
    role varchar not null,
    revision integer not null,
    uri varchar not null,
    digest varchar not null,
    query_count bigint not null,
    change_id bigint not null
);
create table query (
    query_id bigint not null,
    task_id bigint not null,
    position bigint not null,
    external_id varchar,
    content_hash blob not null,
    messages struct(role varchar, content varchar, extra json)[] not null,
    tools json,
    metadata json,
    change_id bigint not null
);
create table embedding_space (
    space_id bigint not null,
    name varchar not null,
    model varchar not null,
    model_revision varchar not null,
    template varchar not null,
    template_hash varchar not null,
    text varchar not null,
    pooling varchar not null,
    layer varchar not null,
    max_tokens integer not null,
    compute_dtype varchar not null,
    stored_dtype varchar not null,
    width integer not null,
    table_name varchar not null,
    location varchar not null,
    change_id bigint not null
);
create table scorer (
    scorer_id bigint not null,
    name varchar not null,
    space_id bigint,
    contract json not null,
    change_id bigint not null
);
create table sample_score (
    sample_id bigint not null,
    scorer_id bigint not null,
    value double not null,
    truncated boolean,
    change_id bigint not null
);
create table snapshot (
    snapshot_id bigint not null,
    name varchar not null,
    version integer not null,
    method varchar not null,
    rule varchar not null,
    recipe json not null,
    seed bigint not null,
    space_id bigint,
    tasks json not null,
    pool_change_id bigint not null,
    size bigint not null,
    tokens bigint,
    digest varchar not null,
    author varchar,
    note varchar,
    created_at timestamp with time zone not null,
    software_version varchar not null,
    deleted_at timestamp with time zone,
    change_id bigint not null
);
create table snapshot_member (
    snapshot_id bigint not null,
    position bigint not null,
    sample_id bigint not null,
    score real,
    task varchar,
    query_id bigint,
    rank bigint,
    turn bigint,
    repeats integer not null,
    change_id bigint not null
);
"""


def upgrade() -> None:
    """Create the tables of selection."""
    for statement in filter(str.strip, STATEMENTS.split(";")):
        op.execute(statement)
