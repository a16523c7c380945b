-- Scores of samples that a scorer has not scored yet.
-- grain: one row per sample
-- params: scorer_id (integer)
-- needs: given_score (sample_id, value, truncated)
select
    g.sample_id,
    $scorer_id as scorer_id,
    g.value::double as value,
    g.truncated
from given_score as g
anti join (
    select sample_id
    from sample_score
    where scorer_id = $scorer_id
) as known on known.sample_id = g.sample_id
order by g.sample_id
