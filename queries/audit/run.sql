-- What one run saw, in numbers.
-- grain: at most one row
-- params: run (text) - run name
with this as (
    select *
    from run
    where name = $run
),
shown as (
    select
        e.attempt,
        e.step,
        -- a hash that was logged before its sample was ingested here
        coalesce(k.sample_id, e.sample_id) as sample_id
    from exposure as e
    join this on this.run_id = e.run_id
    left join known as k on k.logged_id = e.sample_id
),
shown_samples as (
    select distinct sample_id
    from shown
    where sample_id > 0
),
member_samples as (
    select distinct m.sample_id
    from snapshot_member as m
    join run_snapshot as s on s.snapshot_id = m.snapshot_id
    join this on this.run_id = s.run_id
),
counted as (
    select
        count(distinct attempt) as attempts,
        count(distinct step) as steps,
        min(step) as first_step,
        max(step) as last_step,
        count(*) as exposures,
        count(distinct sample_id) filter (where sample_id > 0) as samples,
        count(*) filter (where sample_id < 0) as unknown_exposures
    from shown
)
select
    this.name as run,
    this.model,
    (select string_agg(reference, ', ' order by position) from run_snapshot join this using (run_id))
        as snapshot,
    c.*,
    (select count(*) from member_samples) as members,
    (select count(*) from member_samples anti join shown_samples using (sample_id))
        as members_not_seen,
    (select count(*) from shown_samples anti join member_samples using (sample_id))
        as samples_not_members
from this
cross join counted as c
