-- Every scorer but the token counts of spaces, and how many samples it scored.
-- grain: one row per scorer
select
    c.scorer_id,
    c.name,
    c.contract,
    count(v.sample_id) as samples,
    count(v.sample_id) filter (where v.truncated) as cut,
    min(v.value) as lowest,
    median(v.value) as median,
    max(v.value) as highest,
    count(distinct v.label) as labels
from scorer as c
left join sample_score as v on v.scorer_id = c.scorer_id
where c.name != 'tokens'
group by c.scorer_id, c.name, c.contract
order by c.name
