-- Runs of which segments came since it was last worked out how much is recorded.
-- grain: one row per run
select
    r.run_id,
    r.name,
    coalesce(r.manifest->>'run', r.name) as ledger
from run as r
join (
    select
        run_id,
        max(change_id) as change_id
    from ledger_segment
    group by run_id
) as s on s.run_id = r.run_id
left join (
    select
        run_id,
        min(change_id) as change_id
    from run_coverage
    group by run_id
) as c on c.run_id = r.run_id
where s.change_id > coalesce(c.change_id, 0)
order by r.run_id
