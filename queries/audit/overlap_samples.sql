-- The samples that two sets of exposures hold, and how often each shows them.
-- grain: one row per sample
-- needs: shown_a (sample_id, contributed); shown_b (sample_id, contributed)
with a as (
    select
        sample_id,
        count(*) as exposures,
        count(*) filter (where contributed) as contributed
    from shown_a
    group by sample_id
),
b as (
    select
        sample_id,
        count(*) as exposures,
        count(*) filter (where contributed) as contributed
    from shown_b
    group by sample_id
)
select
    lower(hex(coalesce(c.content_hash, u.content_hash))) as hash,
    f.source,
    case
        when b.sample_id is null then 'a'
        when a.sample_id is null then 'b'
        else 'both'
    end as seen_by,
    coalesce(a.exposures, 0) as exposures_a,
    coalesce(b.exposures, 0) as exposures_b,
    coalesce(a.contributed, 0) as contributed_a,
    coalesce(b.contributed, 0) as contributed_b
from a
full join b on b.sample_id = a.sample_id
left join sample as c on c.sample_id = coalesce(a.sample_id, b.sample_id)
left join unknown_sample as u on u.sample_id = coalesce(a.sample_id, b.sample_id)
left join first_source as f on f.sample_id = coalesce(a.sample_id, b.sample_id)
order by hash
