-- Which samples led to the newest model of each run, and how often.
-- grain: one row per (run, sample); a sample_id below 0 is a hash that the catalog does not know
select
    run,
    sample_id,
    count(*) as exposures,
    count(*) filter (where contributed) as contributed,
    count(*) filter (where repeated) as flagged_repeats,
    sum(tokens)::bigint as tokens,
    sum(loss_tokens)::bigint as loss_tokens,
    min(step) as first_step,
    max(step) as last_step
from effective
group by run, sample_id
