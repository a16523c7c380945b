-- Where the samples that led to the newest model of each run come from, each counted for its first
-- source.
-- grain: one row per (run, source); the source is null for hashes that the catalog does not know
select
    s.run,
    f.source,
    count(*) as samples,
    sum(s.exposures)::bigint as exposures,
    sum(s.contributed)::bigint as contributed,
    sum(s.tokens)::bigint as tokens,
    sum(s.loss_tokens)::bigint as loss_tokens,
    min(s.first_step) as first_step,
    max(s.last_step) as last_step
from run_samples as s
left join first_source as f on f.sample_id = s.sample_id
group by s.run, f.source
