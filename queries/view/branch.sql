-- Which steps of which attempts led to the end of each attempt: its own, and what it went on from.
-- grain: one row per (run, head attempt, attempt it goes through)
with recursive walk as (
    select
        run_id,
        attempt as head,
        attempt,
        parent_attempt,
        parent_step,
        null::bigint as last_step
    from attempt
    union all
    select
        w.run_id,
        w.head,
        a.attempt,
        a.parent_attempt,
        a.parent_step,
        least(w.parent_step, w.last_step) as last_step
    from walk as w
    join attempt as a on a.run_id = w.run_id and a.attempt = w.parent_attempt
    where w.parent_attempt < w.attempt
)
select
    run_id,
    head,
    attempt,
    case when parent_attempt is null then least(parent_step, 0) else parent_step + 1 end as first_step,
    last_step
from walk
