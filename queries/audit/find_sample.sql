-- The samples that a content hash, the beginning of one, or an external id stands for.
-- grain: one row per sample
-- params: reference (text), digits (text) - of a hash, first (integer), last (integer) - order keys of hashes that begin so
with meant as (
    select sample_id
    from sample
    where order_key between $first and $last
        and starts_with(lower(hex(content_hash)), $digits)
    union
    select sample_id
    from sample_source
    where external_id = $reference
)
select
    s.sample_id,
    lower(hex(s.content_hash)) as hash,
    s.messages,
    s.tools,
    s.turns,
    s.characters,
    r.reason as retired
from sample as s
join meant as m on m.sample_id = s.sample_id
left join retired as r on r.sample_id = s.sample_id
order by hash
