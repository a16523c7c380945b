-- What led to one head of a run, by epoch.
-- grain: one row per epoch
-- needs: shown (epoch, step, tokens, loss_tokens, contributed); sets (kind, part, samples); whole (seen, contributed, promised, dropped)
with counted as (
    select
        epoch,
        count(*) as exposures,
        count(*) filter (where contributed) as contributed,
        sum(tokens)::bigint as tokens,
        sum(loss_tokens)::bigint as loss_tokens,
        min(step) as first_step,
        max(step) as last_step
    from shown
    group by epoch
)
select
    c.epoch,
    bit_count(s.samples)::bigint as samples,
    bit_count(w.promised & ~s.samples)::bigint as members_not_seen,
    c.* exclude (epoch)
from counted as c
join sets as s on s.kind = 'seen' and s.part = c.epoch::varchar
cross join whole as w
order by c.epoch
