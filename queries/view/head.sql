-- Which attempt "effective" is relative to where none is named: the newest that went on from where it
-- began.
-- grain: one row per run that has an attempt
select
    r.run_id,
    r.name as run,
    coalesce(
        max(a.attempt) filter (where c.last_step > a.parent_step),
        max(a.attempt)
    ) as attempt
from run as r
join attempt as a on a.run_id = r.run_id
left join run_coverage as c on c.run_id = a.run_id and c.attempt = a.attempt
group by r.run_id, r.name
