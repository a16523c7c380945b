-- Samples that the sources read no longer hold, that no other source holds, and that are in the pool.
-- grain: one row per sample
-- params: revision (text)
-- needs: staged (source, content_hash), every row read
with current as (
    select
        source_id,
        name
    from source
    where revision = $revision and name in (select source from staged)
),
held as (
    select distinct
        c.source_id,
        s.sample_id
    from staged as r
    join sample as s on s.content_hash = r.content_hash
    join current as c on c.name = r.source
),
left_out as (
    select distinct a.sample_id
    from sample_source as a
    join current as c on c.source_id = a.source_id
    anti join held as h on h.sample_id = a.sample_id and h.source_id = a.source_id
)
select
    l.sample_id,
    true as retired,
    'replaced: its source no longer holds it' as reason
from left_out as l
anti join held as h on h.sample_id = l.sample_id
anti join (
    select a.sample_id
    from sample_source as a
    anti join current as c on c.source_id = a.source_id
) as elsewhere on elsewhere.sample_id = l.sample_id
anti join retired as gone on gone.sample_id = l.sample_id
order by l.sample_id
