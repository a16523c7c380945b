-- How chosen samples stand: in the pool, retired, or purged too.
-- grain: one row per chosen sample
-- needs: chosen (sample_id)
select
    s.sample_id,
    lower(hex(s.content_hash)) as hash,
    r.sample_id is not null as retired,
    p.sample_id is not null as purged
from chosen as c
join sample as s on s.sample_id = c.sample_id
left join retired as r on r.sample_id = s.sample_id
left join purged as p on p.sample_id = s.sample_id
order by s.sample_id
