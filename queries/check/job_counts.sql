-- Jobs whose rows do not add up: read = added + duplicate + refused. Must return no row.
-- grain: one row per job that breaks the rule
-- mend: the counts of this job tell nothing now; the rows themselves are listed by `catalog sources` and `catalog sql`
select
    job_id,
    kind,
    rows_read,
    rows_added,
    rows_duplicate,
    rows_refused
from job
where rows_read != rows_added + rows_duplicate + rows_refused
order by job_id
