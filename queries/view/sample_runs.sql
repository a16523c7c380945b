-- Which runs were shown each sample, in which attempts and at which steps, undone later or not.
-- grain: one row per (sample, run, attempt); a sample_id below 0 is a hash that the catalog does not know
select
    e.sample_id,
    r.name as run,
    e.attempt,
    count(*) as exposures,
    count(*) filter (
        where coalesce(t.applied, false) and coalesce(e.loss_tokens, 1) > 0
    ) as contributed,
    count(*) filter (where b.attempt is not null) as effective,
    min(e.step) as first_step,
    max(e.step) as last_step,
    list_sort(list(distinct e.step)) as steps
from exposure as e
join run as r on r.run_id = e.run_id
left join training_step as t
    on t.run_id = e.run_id
    and t.attempt = e.attempt
    and t.rank = e.rank
    and t.step = e.step
left join head as h on h.run_id = e.run_id
left join branch as b
    on b.run_id = e.run_id
    and b.head = h.attempt
    and b.attempt = e.attempt
    and e.step between b.first_step and coalesce(b.last_step, 9223372036854775807)
group by e.sample_id, r.name, e.attempt
