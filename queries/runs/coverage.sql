-- How much is recorded of what led to the end of each attempt of a run. A step is recorded if every
-- process told of it and all the exposures that it told of are here.
-- grain: one row per attempt, as head of its chain
-- params: run_id (integer)
with chain as (
    select
        head,
        attempt,
        first_step,
        coalesce(last_step, 9223372036854775807) as last_step
    from branch
    where run_id = $run_id
),
present as (
    select
        attempt,
        count(distinct rank) as ranks,
        max(rank) + 1 as ranks_at_least
    from ledger_segment
    where run_id = $run_id
        and problem is null
        and kind in ('exposures', 'steps')
    group by attempt
),
sized as (
    select
        a.attempt,
        a.parent_step,
        greatest(a.world_size, p.ranks_at_least, 1) as world_size,
        coalesce(p.ranks, 0) as ranks
    from attempt as a
    left join present as p on p.attempt = a.attempt
    where a.run_id = $run_id
),
shown as (
    select
        attempt,
        rank,
        step,
        count(*) as exposures
    from exposure
    where run_id = $run_id
    group by attempt, rank, step
),
shown_steps as (
    select
        attempt,
        step,
        sum(exposures) as exposures
    from shown
    group by attempt, step
),
gone as (
    select *
    from lost_exposure
    where run_id = $run_id
),
told as (
    select
        t.attempt,
        t.step,
        count(distinct t.rank) filter (
            where t.exposures = coalesce(s.exposures, 0)
                and not exists (
                    from gone as g
                    where g.attempt = t.attempt
                        and g.rank = t.rank
                        and t.step between g.first_step and g.last_step
                )
        ) as ranks
    from training_step as t
    left join shown as s
        on s.attempt = t.attempt
        and s.rank = t.rank
        and s.step = t.step
    where t.run_id = $run_id
    group by t.attempt, t.step
),
of_steps as (
    select
        c.head,
        min(t.step) as first_step,
        max(t.step) as last_step,
        count(*) filter (where t.ranks >= z.world_size) as recorded_steps
    from chain as c
    join told as t on t.attempt = c.attempt and t.step between c.first_step and c.last_step
    join sized as z on z.attempt = c.attempt
    group by c.head
),
of_exposures as (
    select
        c.head,
        sum(s.exposures) as exposures
    from chain as c
    join shown_steps as s on s.attempt = c.attempt and s.step between c.first_step and c.last_step
    group by c.head
),
of_checkpoints as (
    select
        c.head,
        max(p.step) as last_step
    from chain as c
    join checkpoint as p
        on p.run_id = $run_id
        and p.attempt = c.attempt
        and p.step between c.first_step and c.last_step
    group by c.head
),
of_gone as (
    select
        c.head,
        max(least(g.last_step, c.last_step)) as last_step,
        sum(g.exposures) as exposures
    from chain as c
    join gone as g
        on g.attempt = c.attempt
        and g.first_step <= c.last_step
        and g.last_step >= c.first_step
    group by c.head
),
of_segments as (
    select
        c.head,
        sum(case when d.kind = 'missing' then d.rows else 1 end) as damaged
    from (select distinct head, attempt from chain) as c
    join ledger_segment as d
        on d.run_id = $run_id
        and d.problem is not null
        and (d.attempt = c.attempt or (d.attempt is null and c.attempt = c.head))
    group by c.head
),
of_ranks as (
    select
        c.head,
        sum(z.world_size - z.ranks) filter (where z.ranks > 0) as missing
    from chain as c
    join sized as z on z.attempt = c.attempt
    group by c.head
),
reached as (
    select
        z.attempt,
        greatest(
            z.parent_step,
            s.last_step,
            p.last_step,
            g.last_step,
            case when z.attempt = max(z.attempt) over () then r.final_step end
        ) as last_step,
        coalesce(s.first_step = 0, false) as from_zero,
        coalesce(s.recorded_steps, 0) as recorded_steps,
        coalesce(g.exposures, 0) as lost_exposures
    from sized as z
    join run as r on r.run_id = $run_id
    left join of_steps as s on s.head = z.attempt
    left join of_checkpoints as p on p.head = z.attempt
    left join of_gone as g on g.head = z.attempt
)
select
    $run_id as run_id,
    t.attempt,
    t.last_step,
    t.last_step + from_zero::bigint as steps,
    t.recorded_steps,
    coalesce(e.exposures, 0)::bigint as exposures,
    coalesce(k.missing, 0)::integer as ranks_missing,
    coalesce(d.damaged, 0)::integer as damaged_segments,
    t.lost_exposures::bigint as lost_exposures
from reached as t
left join of_exposures as e on e.head = t.attempt
left join of_ranks as k on k.head = t.attempt
left join of_segments as d on d.head = t.attempt
order by t.attempt
