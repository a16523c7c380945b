-- Samples that are taken back now: they stay in snapshots and runs, and leave the pool.
-- grain: one row per retired sample
select
    sample_id,
    arg_max(reason, change_id) as reason,
    max(change_id) as change_id
from retirement
group by sample_id
having arg_max(retired, change_id)
