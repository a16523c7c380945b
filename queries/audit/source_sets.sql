-- The samples of one source, and those of them that come from another source too, as bits.
-- grain: one row
-- params: source (text), first (integer), last (integer) - ids
select
    coalesce(
        bitstring_agg(a.sample_id, $first, $last) filter (where o.name = $source),
        bitstring('0', ($last - $first + 1)::integer)
    ) as held,
    coalesce(
        bitstring_agg(a.sample_id, $first, $last) filter (where o.name != $source),
        bitstring('0', ($last - $first + 1)::integer)
    ) as elsewhere
from sample_source as a
join source as o on o.source_id = a.source_id
