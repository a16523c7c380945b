-- Those sets put together: all of each kind, empty ones too.
-- grain: one row
-- params: first (integer), last (integer) - ids
-- needs: sets (kind, part, samples)
select
    coalesce(bit_or(samples) filter (where kind = 'seen'), e.none) as seen,
    coalesce(bit_or(samples) filter (where kind = 'contributed'), e.none) as contributed,
    coalesce(bit_or(samples) filter (where kind = 'promised'), e.none) as promised,
    coalesce(bit_or(samples) filter (where kind = 'dropped'), e.none) as dropped
from (select bitstring('0', ($last - $first + 1)::integer) as none) as e
left join sets on true
group by e.none
