-- How many tokens the chosen samples have in a space; null if there is none, or some have no count.
-- grain: one row
-- params: space_id (integer)
-- needs: chosen (sample_id, repeats)
select
    case when count(v.value) = count(*) then sum(v.value * n.repeats)::bigint end as tokens
from chosen as n
left join (
    select
        s.sample_id,
        s.value
    from sample_score as s
    join scorer as c on c.scorer_id = s.scorer_id and c.name = 'tokens'
    where c.space_id = $space_id
) as v on v.sample_id = n.sample_id
