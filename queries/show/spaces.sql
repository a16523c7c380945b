-- Every embedding space, and how many samples have a vector in it.
-- grain: one row per space
select
    e.name,
    e.model,
    e.pooling,
    e.template,
    e.text,
    e.max_tokens,
    e.width,
    e.compute_dtype,
    e.stored_dtype,
    e.model_revision,
    coalesce(s.samples, 0) as samples,
    coalesce(s.tokens, 0) as tokens,
    coalesce(s.cut, 0) as cut
from embedding_space as e
left join (
    select
        c.space_id,
        count(*) as samples,
        sum(v.value)::bigint as tokens,
        count(*) filter (where v.truncated) as cut
    from sample_score as v
    join scorer as c on c.scorer_id = v.scorer_id and c.name = 'tokens'
    group by c.space_id
) as s on s.space_id = e.space_id
order by e.name
