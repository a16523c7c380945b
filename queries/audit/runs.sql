-- Every run with the attempt that led to its newest model.
-- grain: one row per run
select
    r.run_id,
    r.name as run,
    h.attempt
from run as r
left join head as h on h.run_id = r.run_id
order by r.name
