-- Exports that may hold what chosen samples say, or purged ones said: nobody reaches these files but people.
-- grain: one row per export
-- needs: chosen (sample_id)
with gone as (
    select
        sample_id,
        null::timestamptz as purged_at
    from chosen
    union all
    select
        sample_id,
        purged_at
    from purge
)
select
    s.name || '@' || s.version as snapshot,
    s.deleted_at is not null as deleted,
    e.format,
    e.path,
    e.exported_at
from export as e
join snapshot as s on s.snapshot_id = e.snapshot_id
where exists (
    select 1
    from gone as g
    left join snapshot_member as m
        on m.sample_id = g.sample_id and m.snapshot_id = e.snapshot_id
    where coalesce(g.purged_at >= e.exported_at, true)
        and (m.sample_id is not null or s.deleted_at is not null)
)
order by e.path, e.exported_at, e.export_id
