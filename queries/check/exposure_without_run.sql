-- Exposures of runs that are not in the catalog, or of neither a sample nor a hash. Must return no row.
-- grain: one row per (run, step) that breaks the rule
select
    e.run_id,
    e.step,
    count(*) as exposures
from exposure as e
left join run as r on r.run_id = e.run_id
where r.run_id is null
    or (e.sample_id is null and e.content_hash is null)
group by e.run_id, e.step
order by e.run_id, e.step
