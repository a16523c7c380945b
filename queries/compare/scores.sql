-- What one scorer says of samples; those it has not scored have no row.
-- grain: one row per scored sample
-- params: scorer_id (integer)
-- needs: wanted (sample_id)
select
    v.sample_id,
    v.value,
    v.label
from sample_score as v
join wanted as w on w.sample_id = v.sample_id
where v.scorer_id = $scorer_id
order by v.sample_id
