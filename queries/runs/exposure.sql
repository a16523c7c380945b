-- Logged exposures with the sample each names; a hash that is not known is kept itself.
-- grain: one row per exposure
-- params: run_id (integer)
-- needs: logged (attempt, step, position, epoch, process, content_hash)
select
    $run_id as run_id,
    l.attempt,
    l.step,
    l.position,
    l.epoch,
    l.process,
    s.sample_id,
    case when s.sample_id is null then l.content_hash end as content_hash
from logged as l
left join sample as s on s.content_hash = l.content_hash
