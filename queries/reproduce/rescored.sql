-- How many samples of a pool, as it was, have scores of some scorers that were given later.
-- grain: one row per scorer
-- params: scorers (list of integer) - scorer_ids; clock (integer) - a change_id
select
    c.name,
    count(*) as samples
from sample_score as v
join scorer as c on c.scorer_id = v.scorer_id
join sample as s on s.sample_id = v.sample_id and s.change_id <= $clock
where v.scorer_id in (select unnest($scorers::bigint[])) and v.change_id > $clock
group by c.name
order by c.name
