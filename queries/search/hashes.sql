-- The content hashes of some samples.
-- grain: one row per sample
-- params: ids (list of integer)
select
    sample_id,
    lower(hex(content_hash)) as hash
from sample
where sample_id in (
    select unnest($ids::bigint[])
)
order by sample_id
