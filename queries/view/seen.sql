-- Which samples each run was shown, and when; a hash the catalog does not know has no sample_id.
-- grain: one row per exposure
select
    r.name as run,
    e.attempt,
    e.step,
    e.position,
    e.epoch,
    e.process,
    -- a hash may have been logged before its sample was ingested here
    coalesce(e.sample_id, late.sample_id) as sample_id,
    lower(hex(coalesce(c.content_hash, e.content_hash))) as hash
from exposure as e
join run as r on r.run_id = e.run_id
left join sample as c on c.sample_id = e.sample_id
left join sample as late on late.content_hash = e.content_hash
