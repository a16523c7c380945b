-- Attempts that go on from one that is not there, or that came later. Must return no row.
-- grain: one row per attempt that breaks the rule
-- mend: take the ledgers in again (catalog runs import --anew)
select
    a.run_id,
    a.attempt,
    a.parent_attempt
from attempt as a
left join attempt as p on p.run_id = a.run_id and p.attempt = a.parent_attempt
where a.parent_attempt is not null
    and (p.attempt is null or a.parent_attempt >= a.attempt)
order by a.run_id, a.attempt
