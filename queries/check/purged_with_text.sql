-- Purged samples that still have text, or are in the pool. Must return no row.
-- grain: one row per sample that breaks the rule
-- mend: finish it: catalog purge --yes; if one is in the pool, first catalog retire --ids FILE --reason purged
select distinct
    p.sample_id,
    lower(hex(s.content_hash)) as hash
from purge as p
join sample as s on s.sample_id = p.sample_id
left join retired as r on r.sample_id = p.sample_id
where len(s.messages) > 0
    or s.tools is not null
    or r.sample_id is null
    or p.sample_id in (select sample_id from sample_source where metadata is not null)
order by p.sample_id
