-- The external ids that look most like one that nobody has.
-- grain: one row per external id
-- params: reference (text)
select
    external_id,
    max(jaro_winkler_similarity(external_id, $reference)) as likeness
from sample_source
where external_id is not null
group by external_id
having max(jaro_winkler_similarity(external_id, $reference)) > 0.8
order by
    likeness desc,
    external_id
limit 3
