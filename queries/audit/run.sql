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
        coalesce(e.sample_id, late.sample_id) as sample_id
    from exposure as e
    join this on this.run_id = e.run_id
    left join sample as late on late.content_hash = e.content_hash
),
shown_samples as (
    select distinct sample_id
    from shown
    where sample_id is not null
),
member_samples as (
    select m.sample_id
    from snapshot_member as m
    join this on this.snapshot_id = m.snapshot_id
),
counted as (
    select
        count(distinct attempt) as attempts,
        count(distinct step) as steps,
        min(step) as first_step,
        max(step) as last_step,
        count(*) as exposures,
        count(distinct sample_id) as samples,
        count(*) filter (where sample_id is null) as unknown_exposures
    from shown
)
select
    this.name as run,
    this.model,
    s.name || '@' || s.version as snapshot,
    c.*,
    s.size as members,
    (select count(*) from member_samples anti join shown_samples using (sample_id))
        as members_not_seen,
    (select count(*) from shown_samples anti join member_samples using (sample_id))
        as samples_not_members
from this
cross join counted as c
left join snapshot as s on s.snapshot_id = this.snapshot_id
