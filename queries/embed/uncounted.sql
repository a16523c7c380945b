-- Token counts that the vectors know and the catalog does not yet.
-- grain: one row per sample
-- params: scorer_id (integer)
-- needs: fact (sample_id, tokens, truncated)
select
    f.sample_id,
    $scorer_id as scorer_id,
    f.tokens::double as value,
    f.truncated
from fact as f
anti join (
    select sample_id
    from sample_score
    where scorer_id = $scorer_id
) as known on known.sample_id = f.sample_id
order by f.sample_id
