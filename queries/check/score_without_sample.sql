-- Scores of samples or scorers that are not in the catalog. Must return no row.
-- grain: one row per (scorer, sample) that breaks the rule
-- mend: restore a backup that is whole (catalog restore DIR --home NEW)
select
    v.scorer_id,
    v.sample_id
from sample_score as v
left join sample as s on s.sample_id = v.sample_id
left join scorer as c on c.scorer_id = v.scorer_id
where s.sample_id is null or c.scorer_id is null
order by v.scorer_id, v.sample_id
