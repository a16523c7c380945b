-- The runs that were shown samples of one source: what led to their newest models, and what was undone.
-- grain: one row per run
-- params: first (integer), last (integer) - ids
-- needs: met (run_id, attempt, rank, step, sample_id, has_loss); source_sets (held, elsewhere)
with judged as (
    select
        m.run_id,
        m.step,
        m.sample_id,
        b.attempt is not null as effective,
        coalesce(t.applied, false) and m.has_loss as contributed
    from met as m
    left join training_step as t
        on t.run_id = m.run_id
        and t.attempt = m.attempt
        and t.rank = m.rank
        and t.step = m.step
    left join (
        select b.*
        from branch as b
        join head as h on h.run_id = b.run_id and h.attempt = b.head
    ) as b
        on b.run_id = m.run_id
        and b.attempt = m.attempt
        and m.step between b.first_step and coalesce(b.last_step, 9223372036854775807)
),
counted as (
    select
        run_id,
        bitstring_agg(sample_id, $first, $last) filter (where effective) as samples,
        count(*) filter (where effective) as exposures,
        count(*) filter (where effective and contributed) as contributed,
        min(step) filter (where effective) as first_step,
        max(step) filter (where effective) as last_step,
        count(*) filter (where not effective) as undone
    from judged
    group by run_id
)
select
    c.run_id,
    r.name as run,
    r.model,
    coalesce(bit_count(c.samples), 0)::bigint as samples,
    coalesce(bit_count(c.samples & ~s.elsewhere), 0)::bigint as only_there,
    c.* exclude (run_id, samples)
from counted as c
join run as r on r.run_id = c.run_id
cross join source_sets as s
order by r.name
