-- The samples that a content hash, the beginning of one, or an external id stands for.
-- grain: one row per sample
-- params: reference (text)
select
    s.sample_id,
    lower(hex(s.content_hash)) as hash,
    s.messages,
    s.tools,
    s.turns,
    s.characters,
    r.reason as retired
from sample as s
left join retired as r on r.sample_id = s.sample_id
where s.sample_id in (
    select sample_id
    from sample_source
    where external_id = $reference
)
or (
    length($reference) >= 8
    and starts_with(lower(hex(s.content_hash)), lower($reference))
)
order by hash
