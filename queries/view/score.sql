-- What every scorer says of every sample: a number, or a text.
-- grain: one row per (scorer, sample)
select
    c.name as scorer,
    c.space_id,
    v.sample_id,
    lower(hex(s.content_hash)) as hash,
    v.value,
    v.label,
    v.truncated
from sample_score as v
join scorer as c on c.scorer_id = v.scorer_id
join sample as s on s.sample_id = v.sample_id
