"""Scores that are texts, prefixes and derived spaces, marks, lists, vector indexes."""

from alembic import op

revision = "0004"
down_revision = "0003"

STATEMENTS = """
alter table sample_score rename to sample_score_0003;
create table sample_score (
    sample_id bigint not null,
    scorer_id bigint not null,
    value double,
    label varchar,
    truncated boolean,
    change_id bigint not null
);
insert into sample_score by name
select *
from sample_score_0003;
drop table sample_score_0003;
alter table embedding_space rename to embedding_space_0003;
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
    query_prefix varchar not null,
    passage_prefix varchar not null,
    derivation varchar not null,
    table_name varchar not null,
    location varchar not null,
    change_id bigint not null
);
insert into embedding_space by name
select
    *,
    '' as query_prefix,
    '' as passage_prefix,
    '' as derivation
from embedding_space_0003;
drop table embedding_space_0003;
create table contamination_check (
    check_id bigint not null,
    task_id bigint not null,
    task varchar not null,
    role varchar not null,
    parameters json not null,
    report json not null,
    checked_at timestamp with time zone not null,
    change_id bigint not null
);
create table contamination_mark (
    check_id bigint not null,
    task_id bigint not null,
    sample_id bigint not null,
    query_id bigint not null,
    kind varchar not null,
    part varchar not null,
    evidence varchar not null,
    score double not null,
    change_id bigint not null
);
create table sample_list (
    digest varchar not null,
    content_hash blob not null,
    change_id bigint not null
);
create table vector_index (
    space_id bigint not null,
    kind varchar not null,
    samples bigint not null,
    recall double not null,
    recall_at integer not null,
    queries integer not null,
    parameters json not null,
    built_at timestamp with time zone not null,
    change_id bigint not null
);
"""


def upgrade() -> None:
    """Create the tables, and widen two."""
    for statement in filter(str.strip, STATEMENTS.split(";")):
        op.execute(statement)
