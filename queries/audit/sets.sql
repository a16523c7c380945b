-- Samples as sets, a set being one bit for each id from first to last: seen and contributed by epoch,
-- promised by snapshot, dropped. So 2.5 million samples are told apart in a twentieth of a second.
-- grain: one row per set
-- params: first (integer), last (integer) - ids
-- needs: heads (run_id, head, step, generation); shown (epoch, sample_id, contributed)
with listed as (
    select distinct
        s.snapshot_id,
        s.reference
    from run_snapshot as s
    join heads as h on h.run_id = s.run_id
)
select
    'seen' as kind,
    epoch::varchar as part,
    bitstring_agg(sample_id, $first, $last) as samples
from shown
group by epoch
union all
select
    'contributed' as kind,
    epoch::varchar as part,
    bitstring_agg(sample_id, $first, $last) as samples
from shown
where contributed
group by epoch
union all
select
    'promised' as kind,
    l.reference as part,
    bitstring_agg(m.sample_id, $first, $last) as samples
from snapshot_member as m
join listed as l on l.snapshot_id = m.snapshot_id
group by l.reference
union all
select
    'dropped' as kind,
    d.reason as part,
    bitstring_agg(coalesce(k.sample_id, d.sample_id), $first, $last) as samples
from dropped_sample as d
join branch as b on b.run_id = d.run_id and b.attempt = d.attempt
join heads as h on h.run_id = b.run_id and h.head = b.head
left join known as k on k.logged_id = d.sample_id
group by d.reason
