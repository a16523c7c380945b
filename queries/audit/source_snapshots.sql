-- The snapshots that hold samples of one source.
-- grain: one row per snapshot
-- params: first (integer), last (integer) - ids
-- needs: source_sets (held, elsewhere)
with held as (
    select
        m.snapshot_id,
        bitstring_agg(m.sample_id, $first, $last) as samples
    from snapshot_member as m
    group by m.snapshot_id
),
counted as (
    select
        h.snapshot_id,
        bit_count(h.samples & s.held)::bigint as samples,
        bit_count(h.samples & s.held & ~s.elsewhere)::bigint as only_there
    from held as h
    cross join source_sets as s
)
select
    n.name || '@' || n.version as snapshot,
    c.samples,
    c.only_there,
    n.size
from counted as c
join snapshot as n on n.snapshot_id = c.snapshot_id
where c.samples > 0
order by n.name, n.version
