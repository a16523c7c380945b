-- Steps with more exposures than their process told of: some are there twice. Must return no row.
-- grain: one row per (run, attempt, rank, step) that breaks the rule
-- mend: restore a backup that is whole (catalog restore DIR --home NEW)
select
    t.run_id,
    t.attempt,
    t.rank,
    t.step,
    t.exposures as told,
    e.exposures as stored
from (
    select
        run_id,
        attempt,
        rank,
        step,
        count(*) as exposures
    from exposure
    group by run_id, attempt, rank, step
) as e
join training_step as t
    on t.run_id = e.run_id
    and t.attempt = e.attempt
    and t.rank = e.rank
    and t.step = e.step
where e.exposures > t.exposures
order by t.run_id, t.attempt, t.rank, t.step
