-- The samples that a content hash, the beginning of one, or an external id stands for.
-- grain: one row per sample
-- params: reference (text), digits (text) - of a hash, first (integer), last (integer) - order keys of hashes that begin so
with meant as (
    -- the hashes themselves are not looked at here: reading them takes five times as long
    select
        sample_id,
        true as by_hash
    from sample
    where order_key between $first and $last
    union all
    select
        sample_id,
        false as by_hash
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
join (
    select
        sample_id,
        bool_and(by_hash) as by_hash
    from meant
    group by sample_id
) as m on m.sample_id = s.sample_id
left join retired as r on r.sample_id = s.sample_id
where not m.by_hash or starts_with(lower(hex(s.content_hash)), $digits)
order by hash
