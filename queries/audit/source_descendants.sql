-- The runs that were tuned from runs that saw some samples, at or after the first step of that.
-- grain: one row per (run, ancestor)
-- needs: touched (run_id, first_step)
select
    l.run,
    l.ancestor as tuned_from,
    l.generation,
    l.attempt,
    l.step
from lineage as l
join touched as t on t.run_id = l.ancestor_id
where t.first_step is not null
    and (l.step is null or l.step >= t.first_step)
order by l.run, l.generation, l.ancestor
