-- Conversations that the pool does not know yet, numbered in order of arrival.
-- grain: one row per new sample
-- needs: arrived (ordinal, content_hash, sample_id)
select
    content_hash,
    min(ordinal) as ordinal,
    row_number() over (order by min(ordinal)) + (select coalesce(max(sample_id), 0) from sample)
        as sample_id
from arrived
where sample_id is null
group by content_hash
