-- The checkpoints that a run told of: whether the model spoken of went through them, and how many of the
-- samples marked as test items it had met by then, if anything was checked.
-- grain: one row per (attempt, step, path)
-- params: run_id (integer), head (integer) - an attempt, step (integer) - the last one that counts
-- needs: shown (step, sample_id)
with marked as (
    select min(s.step) as first_step
    from shown as s
    semi join contaminated as c on c.sample_id = s.sample_id
    group by s.sample_id
)
select
    c.attempt,
    c.step,
    c.path,
    count(b.attempt) > 0 as on_the_way,
    (select count(*) from marked where first_step <= c.step) as met
from checkpoint as c
left join branch as b
    on b.run_id = c.run_id
    and b.head = $head
    and b.attempt = c.attempt
    and c.step between b.first_step and least(coalesce(b.last_step, $step), $step)
where c.run_id = $run_id
group by
    c.attempt,
    c.step,
    c.path
order by
    c.attempt,
    c.step,
    c.path nulls first
