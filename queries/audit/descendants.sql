-- The runs that were tuned from models that contain some exposures, directly or not.
-- grain: one row per run
-- needs: met (run_id, attempt, step, contributed)
select
    l.run,
    l.ancestor as tuned_from,
    l.generation,
    l.attempt,
    l.step,
    count(*) as inherited
from lineage as l
join branch as b on b.run_id = l.ancestor_id and b.head = l.attempt
join met as m
    on m.run_id = l.ancestor_id
    and m.attempt = b.attempt
    and m.contributed
    and m.step >= b.first_step
    and m.step <= coalesce(b.last_step, 9223372036854775807)
    and m.step <= coalesce(l.step, 9223372036854775807)
group by l.run, l.ancestor, l.generation, l.attempt, l.step
order by l.run, l.generation, l.ancestor
