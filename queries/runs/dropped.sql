-- Samples that a trainer left out, with the sample each names.
-- grain: one row per sample and reason
-- params: run_id (integer), attempt (integer)
-- needs: logged (content_hash, reason)
select
    $run_id as run_id,
    $attempt as attempt,
    coalesce(s.sample_id, u.sample_id) as sample_id,
    l.reason
from logged as l
left join sample as s on s.content_hash = l.content_hash
left join unknown_sample as u on u.content_hash = l.content_hash
