-- What is known of samples, retired or not: their first source, their lengths, tokens in a space.
-- grain: one row per wanted sample
-- params: space_id (integer or null)
-- needs: wanted (sample_id)
select
    s.sample_id,
    s.order_key,
    s.change_id,
    s.turns,
    s.characters::double as characters,
    t.value as tokens,
    f.source
from sample as s
join wanted as w on w.sample_id = s.sample_id
left join (
    select
        a.sample_id,
        arg_min(o.name, (o.name, o.revision)) as source
    from sample_source as a
    join wanted as w on w.sample_id = a.sample_id
    join source as o on o.source_id = a.source_id
    group by a.sample_id
) as f on f.sample_id = s.sample_id
left join (
    select
        v.sample_id,
        v.value
    from sample_score as v
    join scorer as c on c.scorer_id = v.scorer_id and c.name = 'tokens'
    where c.space_id = $space_id::bigint
) as t on t.sample_id = s.sample_id
order by s.sample_id
