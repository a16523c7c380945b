-- Those chosen samples whose retirement changes: in the pool and to be retired, or the reverse.
-- grain: one row per sample
-- params: retired (boolean), reason (text)
-- needs: chosen (sample_id)
select
    c.sample_id,
    $retired as retired,
    $reason as reason
from chosen as c
join sample as s on s.sample_id = c.sample_id
left join retired as r on r.sample_id = c.sample_id
anti join purge as p on p.sample_id = c.sample_id
where (r.sample_id is null) = $retired
order by c.sample_id
