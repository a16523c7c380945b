-- Samples that a run and those it was tuned from left out, by reason.
-- grain: one row per reason
-- needs: sets (kind, part, samples); whole (seen, contributed, promised, dropped)
select
    s.part as reason,
    bit_count(s.samples)::bigint as samples,
    bit_count(s.samples & w.seen)::bigint as seen_all_the_same
from sets as s
cross join whole as w
where s.kind = 'dropped'
order by samples desc, reason
