-- What the messages of some samples of the pool say.
-- grain: one row per sample in the pool
-- params: first (integer) - sample id; last (integer) - sample id
select
    s.sample_id,
    list_transform(s.messages, lambda m: coalesce(m.content, '')) as contents
from sample as s
anti join retired as r on r.sample_id = s.sample_id
where s.sample_id between $first and $last
order by s.sample_id
