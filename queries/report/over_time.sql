-- How what a model was shown was spread over its steps: new to it, or shown before.
-- grain: one row per range of steps, at most $ranges of them, in order
-- params: ranges (integer)
-- needs: shown (step, sample_id, sample_start, tokens, loss_tokens, contributed)
with bounds as (
    select
        min(step) as first_step,
        greatest(1, ceil((max(step) - min(step) + 1) / $ranges))::bigint as width
    from shown
),
placed as (
    select
        (s.step - b.first_step) // b.width as place,
        count(*) filter (where coalesce(s.sample_start, 0) = 0) as exposures,
        count(*) filter (where s.contributed) as contributed,
        sum(s.tokens)::bigint as tokens,
        sum(s.loss_tokens)::bigint as loss_tokens
    from shown as s
    cross join bounds as b
    group by place
),
begun as (
    select min(step) as step
    from shown
    where coalesce(sample_start, 0) = 0
    group by sample_id
),
fresh as (
    select
        (n.step - b.first_step) // b.width as place,
        count(*) as samples
    from begun as n
    cross join bounds as b
    group by place
)
select
    b.first_step + p.place * b.width as first_step,
    b.first_step + (p.place + 1) * b.width - 1 as last_step,
    p.exposures,
    coalesce(f.samples, 0) as new_samples,
    p.exposures - coalesce(f.samples, 0) as again,
    p.contributed,
    p.tokens,
    p.loss_tokens
from placed as p
cross join bounds as b
left join fresh as f on f.place = p.place
order by p.place
