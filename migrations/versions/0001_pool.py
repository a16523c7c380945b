"""The pool: jobs, sources, samples, where they appeared, what was refused, what was taken back."""

from alembic import op

revision = "0001"
down_revision = None

STATEMENTS = """
create table change (
    change_id bigint not null,
    kind varchar not null,
    job_id bigint,
    "at" timestamp with time zone not null
);
create table job (
    job_id bigint not null,
    kind varchar not null,
    fingerprint varchar not null,
    parameters json not null,
    status varchar not null,
    checkpoint bigint not null,
    rows_read bigint not null,
    rows_added bigint not null,
    rows_duplicate bigint not null,
    rows_refused bigint not null,
    rows_retired bigint not null,
    error varchar,
    started_at timestamp with time zone not null,
    finished_at timestamp with time zone,
    software_version varchar not null,
    change_id bigint not null
);
create table source (
    source_id bigint not null,
    name varchar not null,
    revision varchar not null,
    uri varchar,
    license varchar,
    format varchar not null,
    change_id bigint not null
);
create table sample (
    sample_id bigint not null,
    content_hash blob not null,
    order_key bigint not null,
    messages struct(role varchar, content varchar, extra json)[] not null,
    tools json,
    turns integer not null,
    characters bigint not null,
    change_id bigint not null
);
create table sample_source (
    sample_id bigint not null,
    source_id bigint not null,
    external_id varchar,
    file varchar not null,
    line bigint not null,
    metadata json,
    job_id bigint not null,
    change_id bigint not null
);
create table rejection (
    job_id bigint not null,
    source varchar,
    file varchar not null,
    line bigint not null,
    reason varchar not null,
    detail varchar,
    raw varchar not null,
    change_id bigint not null
);
create table retirement (
    sample_id bigint not null,
    retired boolean not null,
    reason varchar not null,
    change_id bigint not null
);
"""


def upgrade() -> None:
    """Create the tables of the pool."""
    for statement in filter(str.strip, STATEMENTS.split(";")):
        op.execute(statement)
