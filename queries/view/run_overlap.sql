-- How many samples led to the newest models of both of two runs, or of one of them.
-- grain: one row per ordered pair of runs
with counted as (
    select
        run,
        count(*) as samples
    from run_samples
    group by run
),
shared as (
    select
        a.run as run_a,
        b.run as run_b,
        count(*) as both_saw
    from run_samples as a
    join run_samples as b on b.sample_id = a.sample_id and b.run != a.run
    group by a.run, b.run
)
select
    a.run as run_a,
    b.run as run_b,
    coalesce(s.both_saw, 0) as both_saw,
    a.samples - coalesce(s.both_saw, 0) as only_a,
    b.samples - coalesce(s.both_saw, 0) as only_b,
    coalesce(s.both_saw, 0) / (a.samples + b.samples - coalesce(s.both_saw, 0)) as jaccard
from counted as a
join counted as b on b.run != a.run
left join shared as s on s.run_a = a.run and s.run_b = b.run
