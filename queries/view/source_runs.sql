-- Which runs' newest models saw samples of each source, wherever else those came from too.
-- grain: one row per (source, run)
select
    o.source,
    s.run,
    count(*) as samples,
    count(*) filter (where not o.shared) as only_there,
    sum(s.exposures)::bigint as exposures,
    sum(s.contributed)::bigint as contributed,
    min(s.first_step) as first_step,
    max(s.last_step) as last_step
from (
    select distinct
        a.sample_id,
        a.source,
        f.shared
    from appearance as a
    join first_source as f on f.sample_id = a.sample_id
) as o
join run_samples as s on s.sample_id = o.sample_id
group by o.source, s.run
