-- What the catalog, as it was then, held of some samples.
-- grain: one row per asked sample
-- params: scorers (list of integer) - scorer_ids that the rule needs
-- needs: asked (sample_id)
with scored as (
    select
        sample_id,
        count(distinct scorer_id) as scores
    from sample_score
    where scorer_id in (select unnest($scorers::bigint[]))
        and (value is not null or label is not null)
    group by sample_id
),
marked as (
    select distinct sample_id
    from contaminated
)
select
    a.sample_id,
    s.sample_id is not null as known,
    r.reason as retired,
    m.sample_id is not null as contaminated,
    coalesce(c.scores, 0) = len($scorers::bigint[]) as scored
from asked as a
left join sample as s on s.sample_id = a.sample_id
left join retired as r on r.sample_id = a.sample_id
left join marked as m on m.sample_id = a.sample_id
left join scored as c on c.sample_id = a.sample_id
order by a.sample_id
