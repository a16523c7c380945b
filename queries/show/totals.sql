-- The catalog in numbers.
-- grain: one row
select
    (select count(*) from sample) as samples,
    (select count(*) from retired) as retired,
    (select count(*) from sample_source) as appearances,
    (select count(*) from rejection) as rejections,
    (select count(distinct name) from task) as tasks,
    (select count(*) from snapshot where deleted_at is null) as snapshots,
    (select count(*) from run) as runs,
    (select count(*) from exposure) as exposures,
    (select coalesce(max(change_id), 0) from change) as change_id
