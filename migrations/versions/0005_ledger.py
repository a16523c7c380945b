"""The ledger in full: attempts, steps, spans, tokens, checkpoints; lineage, exports, purges."""

from alembic import op

revision = "0005"
down_revision = "0004"

STATEMENTS = """
alter table run rename to run_0004;
alter table ledger_segment rename to ledger_segment_0004;
alter table exposure rename to exposure_0004;
alter table evaluation rename to evaluation_0004;
create table run (
    run_id bigint not null,
    name varchar not null,
    uid varchar,
    model varchar,
    parent_run_id bigint,
    parent_step bigint,
    tags json not null,
    config json,
    manifest json not null,
    started_at timestamp with time zone not null,
    finished_at timestamp with time zone,
    final_step bigint,
    change_id bigint not null
);
create table run_snapshot (
    run_id bigint not null,
    position integer not null,
    snapshot_id bigint,
    reference varchar not null,
    digest varchar,
    change_id bigint not null
);
create table attempt (
    run_id bigint not null,
    attempt integer not null,
    parent_attempt integer,
    parent_step bigint not null,
    assumed boolean not null,
    world_size integer,
    manifest json not null,
    started_at timestamp with time zone,
    change_id bigint not null
);
create table ledger_segment (
    run_id bigint not null,
    name varchar not null,
    kind varchar not null,
    attempt integer,
    rank integer,
    digest varchar not null,
    rows bigint not null,
    problem varchar,
    change_id bigint not null
);
create table exposure (
    run_id bigint not null,
    attempt integer not null,
    step bigint not null,
    micro_step integer not null,
    rank integer not null,
    position integer not null,
    epoch integer not null,
    sample_id bigint not null,
    dataset_position bigint,
    batch_row integer,
    row_start integer,
    sample_start integer,
    tokens integer,
    truncated_tokens integer,
    loss_tokens integer,
    repeated boolean not null,
    change_id bigint not null
);
create table unknown_sample (
    sample_id bigint not null,
    content_hash blob not null,
    change_id bigint not null
);
create table training_step (
    run_id bigint not null,
    attempt integer not null,
    rank integer not null,
    step bigint not null,
    exposures bigint not null,
    applied boolean not null,
    reason varchar,
    digest blob,
    change_id bigint not null
);
create table dropped_sample (
    run_id bigint not null,
    attempt integer not null,
    sample_id bigint not null,
    reason varchar not null,
    change_id bigint not null
);
create table checkpoint (
    run_id bigint not null,
    attempt integer not null,
    step bigint not null,
    path varchar,
    change_id bigint not null
);
create table lost_exposure (
    run_id bigint not null,
    attempt integer not null,
    rank integer not null,
    first_step bigint not null,
    last_step bigint not null,
    exposures bigint not null,
    reason varchar not null,
    change_id bigint not null
);
create table run_coverage (
    run_id bigint not null,
    attempt integer not null,
    last_step bigint not null,
    steps bigint not null,
    recorded_steps bigint not null,
    exposures bigint not null,
    ranks_missing integer not null,
    damaged_segments integer not null,
    lost_exposures bigint not null,
    change_id bigint not null
);
create table evaluation (
    run_id bigint not null,
    step bigint,
    benchmark varchar not null,
    metric varchar not null,
    value double not null,
    stderr double,
    settings json not null,
    file varchar,
    digest varchar,
    change_id bigint not null
);
create table export (
    export_id bigint not null,
    snapshot_id bigint not null,
    format varchar not null,
    path varchar not null,
    rows bigint not null,
    exported_at timestamp with time zone not null,
    change_id bigint not null
);
create table purge (
    sample_id bigint not null,
    purged_at timestamp with time zone not null,
    change_id bigint not null
);
insert into run by name
select
    run_id,
    name,
    model,
    '{}' as tags,
    manifest,
    started_at,
    change_id
from run_0004;
insert into run_snapshot by name
select
    r.run_id,
    0 as position,
    r.snapshot_id,
    s.name || '@' || s.version as reference,
    s.digest,
    r.change_id
from run_0004 as r
join snapshot as s on s.snapshot_id = r.snapshot_id;
insert into attempt by name
select
    run_id,
    attempt,
    case when attempt > 0 and min(step) > 1 then attempt - 1 end as parent_attempt,
    case when attempt > 0 then min(step) - 1 else 0 end as parent_step,
    true as assumed,
    max(process) + 1 as world_size,
    '{}' as manifest,
    max(change_id) as change_id
from exposure_0004
group by run_id, attempt;
insert into ledger_segment by name
select
    run_id,
    name,
    'exposures' as kind,
    try_cast(split_part(name, '-', 1) as integer) as attempt,
    try_cast(split_part(name, '-', 2) as integer) as rank,
    digest,
    exposures as rows,
    change_id
from ledger_segment_0004;
insert into unknown_sample by name
select
    -row_number() over (order by content_hash) as sample_id,
    content_hash,
    min(change_id) as change_id
from exposure_0004
where sample_id is null
group by content_hash;
insert into exposure by name
select
    e.run_id,
    e.attempt,
    e.step,
    0 as micro_step,
    e.process as rank,
    e.position,
    e.epoch,
    coalesce(e.sample_id, u.sample_id) as sample_id,
    false as repeated,
    e.change_id
from exposure_0004 as e
left join unknown_sample as u on u.content_hash = e.content_hash;
insert into training_step by name
select
    run_id,
    attempt,
    process as rank,
    step,
    count(*) as exposures,
    true as applied,
    max(change_id) as change_id
from exposure_0004
group by run_id, attempt, process, step;
insert into evaluation by name
select
    *,
    '{}' as settings
from evaluation_0004;
drop table run_0004;
drop table ledger_segment_0004;
drop table exposure_0004;
drop table evaluation_0004;
"""


def upgrade() -> None:
    """Widen what training left, and take over what older ledgers gave."""
    for statement in filter(str.strip, STATEMENTS.split(";")):
        op.execute(statement)
