-- Scores that a sample has more than once from one scorer. Must return no row.
-- grain: one row per (sample, scorer) that breaks the rule
-- mend: take the scores in again: catalog scores import FILE --scorer NAME --replace
select
    sample_id,
    scorer_id,
    count(*) as scores
from sample_score
group by sample_id, scorer_id
having count(*) > 1
order by sample_id, scorer_id
