-- The samples shown to a model that overlap items of tasks, those first that it met first.
-- grain: one row per (task, role, item, sample), at most $most of them
-- params: most (integer)
-- needs: shown (step, sample_id, contributed)
with seen as (
    select
        sample_id,
        count(*) as exposures,
        count(*) filter (where contributed) as contributed,
        min(step) as first_step,
        max(step) as last_step
    from shown
    group by sample_id
)
select
    c.task,
    c.role,
    q.external_id as item,
    q.position as item_position,
    c.hash,
    string_agg(distinct c.kind, ', ' order by c.kind) as kinds,
    arg_min(c.evidence, (c.kind, c.part)) as evidence,
    any_value(s.exposures) as exposures,
    any_value(s.contributed) as contributed,
    any_value(s.first_step) as first_step,
    any_value(s.last_step) as last_step
from contaminated as c
join seen as s on s.sample_id = c.sample_id
join query as q on q.query_id = c.query_id
group by
    c.task,
    c.role,
    q.external_id,
    q.position,
    c.hash
order by
    first_step,
    c.task,
    c.role,
    q.position,
    c.hash
limit $most
