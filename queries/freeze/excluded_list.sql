-- The samples of a list that is kept, known by what it holds.
-- grain: one row per sample
-- params: digest (text)
select s.sample_id
from sample as s
semi join (
    select content_hash
    from sample_list
    where digest = $digest
) as l on l.content_hash = s.content_hash
order by s.sample_id
