-- The samples of some exposures, and how often each was shown.
-- grain: one row per sample
-- needs: shown (generation, step, epoch, sample_id, tokens, truncated_tokens, loss_tokens, repeated, contributed)
select
    lower(hex(coalesce(c.content_hash, u.content_hash))) as hash,
    f.source,
    g.* exclude (sample_id)
from (
    select
        sample_id,
        count(*) as exposures,
        count(*) filter (where contributed) as contributed,
        count(*) filter (where repeated) as flagged_repeats,
        sum(tokens)::bigint as tokens,
        sum(truncated_tokens)::bigint as truncated_tokens,
        sum(loss_tokens)::bigint as loss_tokens,
        min(step) filter (where generation = 0) as first_step,
        max(step) filter (where generation = 0) as last_step
    from shown
    group by sample_id
) as g
left join sample as c on c.sample_id = g.sample_id
left join unknown_sample as u on u.sample_id = g.sample_id
left join first_source as f on f.sample_id = g.sample_id
order by hash
