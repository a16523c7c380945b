-- What one run saw, in numbers.
-- grain: one row
-- params: run (text) - run name
select
    r.name as run,
    r.model,
    s.name || '@' || s.version as snapshot,
    count(distinct e.attempt) as attempts,
    count(distinct e.step) as steps,
    min(e.step) as first_step,
    max(e.step) as last_step,
    count(e.run_id) as exposures,
    count(distinct e.sample_id) as samples,
    count(e.content_hash) as unknown_exposures,
    s.size as members,
    (
        select count(*)
        from snapshot_member as m
        where m.snapshot_id = r.snapshot_id
            and m.sample_id not in (
                select x.sample_id
                from exposure as x
                where x.run_id = r.run_id and x.sample_id is not null
            )
    ) as members_not_seen,
    count(distinct e.sample_id) filter (
        where e.sample_id not in (
            select m.sample_id
            from snapshot_member as m
            where m.snapshot_id = r.snapshot_id
        )
    ) as samples_not_members
from run as r
left join exposure as e on e.run_id = r.run_id
left join snapshot as s on s.snapshot_id = r.snapshot_id
where r.name = $run
group by all
