-- Which runs were shown one sample, in which attempts and at which steps.
-- grain: one row per (run, attempt)
-- needs: met (run_id, attempt, step, epoch, contributed, effective, tokens, loss_tokens, repeated)
select
    r.name as run,
    r.model,
    m.attempt,
    count(*) as exposures,
    count(*) filter (where m.contributed) as contributed,
    count(*) filter (where m.effective) as effective,
    count(*) filter (where m.effective and m.contributed) as effective_contributed,
    min(m.step) as first_step,
    max(m.step) as last_step,
    list_sort(list(distinct m.step)) as steps,
    coalesce(list_sort(list(distinct m.step) filter (where not m.contributed)), []) as loaded_steps,
    coalesce(list_sort(list(distinct m.step) filter (where not m.effective)), []) as undone_steps,
    list_sort(list(distinct m.epoch)) as epochs,
    sum(m.tokens)::bigint as tokens,
    sum(m.loss_tokens)::bigint as loss_tokens
from met as m
join run as r on r.run_id = m.run_id
group by r.name, r.model, m.attempt
order by r.name, m.attempt
