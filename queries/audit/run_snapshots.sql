-- What snapshots promised to a run and those it was tuned from, and what came of it.
-- grain: one row per snapshot that they name
-- needs: heads (run_id, head, step, generation); sets (kind, part, samples); whole (seen, contributed, promised, dropped)
with listed as (
    select
        s.reference,
        any_value(s.snapshot_id) as snapshot_id,
        min((h.generation, s.position)) as place
    from run_snapshot as s
    join heads as h on h.run_id = s.run_id
    group by s.reference
)
select
    l.reference as snapshot,
    l.snapshot_id is not null as known,
    bit_count(s.samples)::bigint as members,
    bit_count(s.samples & w.seen)::bigint as seen,
    bit_count(s.samples & w.contributed)::bigint as contributed,
    bit_count(s.samples & w.dropped & ~w.seen)::bigint as dropped,
    bit_count(s.samples & ~w.seen & ~w.dropped)::bigint as not_recorded
from listed as l
left join sets as s on s.kind = 'promised' and s.part = l.reference
cross join whole as w
order by l.place, l.reference
