-- One sample by its id.
-- grain: at most one row
-- params: sample_id (integer)
select
    s.sample_id,
    lower(hex(s.content_hash)) as hash,
    s.messages,
    s.tools,
    s.turns,
    s.characters,
    r.reason as retired
from sample as s
left join retired as r on r.sample_id = s.sample_id
where s.sample_id = $sample_id
