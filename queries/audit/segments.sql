-- The segments of ledgers that were imported, or named as damaged.
-- grain: one row per segment
select
    r.name as run,
    r.uid,
    s.name
from ledger_segment as s
join run as r on r.run_id = s.run_id
order by r.name, s.name
