-- What the entries of a user's list name: a content hash stands for itself, any other text for the
-- samples that came in under it as external id.
-- grain: one row per (entry, sample), and one per hash that no sample has
-- needs: listed (entry)
with given as (
    select distinct
        entry,
        case when regexp_full_match(entry, '[0-9a-fA-F]{64}') then unhex(entry) end as content_hash
    from listed
)
select
    g.entry,
    g.content_hash,
    s.sample_id is not null as known
from given as g
left join sample as s on s.content_hash = g.content_hash
where g.content_hash is not null
union
select
    g.entry,
    s.content_hash,
    true as known
from given as g
join sample_source as a on a.external_id = g.entry
join sample as s on s.sample_id = a.sample_id
order by entry, content_hash
