-- How often samples were shown on the way to a model.
-- grain: one row per number of times; 10 stands for that and more
-- needs: shown (sample_id, sample_start)
with counted as (
    select
        sample_id,
        count(*) filter (where coalesce(sample_start, 0) = 0) as times
    from shown
    group by sample_id
)
select
    least(greatest(times, 1), 10) as times,
    count(*) as samples
from counted
group by all
order by times
