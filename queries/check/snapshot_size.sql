-- Snapshots whose members are not as many as were frozen, or leave a gap. Must return no row.
-- grain: one row per snapshot that breaks the rule
-- mend: restore a backup that is whole (catalog restore DIR --home NEW), or select again (catalog select NEW --like NAME@V)
select
    s.name,
    s.version,
    s.size,
    count(m.position) as members
from snapshot as s
left join snapshot_member as m on m.snapshot_id = s.snapshot_id
where s.deleted_at is null
group by s.snapshot_id, s.name, s.version, s.size
having count(distinct m.position) != s.size
    or count(m.position) != s.size
    or max(m.position) != s.size - 1
order by s.name, s.version
