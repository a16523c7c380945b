-- The runs that were shown samples of one source: what led to their newest models, and what was undone.
-- Tens of millions of exposures pass once, and are kept nowhere.
-- grain: one row per run
-- params: first (integer), last (integer) - ids
-- needs: source_ids (logged_id, sample_id); source_sets (held, elsewhere)
with judged as (
    select
        e.run_id,
        e.step,
        w.sample_id,
        b.attempt is not null as effective,
        coalesce(t.applied, false) and coalesce(e.loss_tokens, 1) > 0 as contributed
    from exposure as e
    join source_ids as w on w.logged_id = e.sample_id
    left join training_step as t
        on t.run_id = e.run_id
        and t.attempt = e.attempt
        and t.rank = e.rank
        and t.step = e.step
    left join (
        select b.*
        from branch as b
        join head as h on h.run_id = b.run_id and h.attempt = b.head
    ) as b
        on b.run_id = e.run_id
        and b.attempt = e.attempt
        and e.step between b.first_step and coalesce(b.last_step, 9223372036854775807)
),
counted as (
    select
        run_id,
        effective,
        bitstring_agg(sample_id, $first, $last) as samples,
        count(*) as exposures,
        count(*) filter (where contributed) as contributed,
        min(step) as first_step,
        max(step) as last_step
    from judged
    group by run_id, effective
)
select
    r.run_id,
    r.name as run,
    r.model,
    coalesce(bit_count(c.samples), 0)::bigint as samples,
    coalesce(bit_count(c.samples & ~s.elsewhere), 0)::bigint as only_there,
    coalesce(c.exposures, 0) as exposures,
    coalesce(c.contributed, 0) as contributed,
    c.first_step,
    c.last_step,
    coalesce(u.exposures, 0) as undone
from run as r
left join counted as c on c.run_id = r.run_id and c.effective
left join counted as u on u.run_id = r.run_id and not u.effective
cross join source_sets as s
where c.run_id is not null or u.run_id is not null
order by r.name
