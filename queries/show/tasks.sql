-- Every task at its newest revision.
-- grain: one row per (name, role)
select
    name,
    role,
    max(revision) as revision,
    arg_max(query_count, revision) as queries,
    arg_max(uri, revision) as uri
from task
group by name, role
order by name, role desc
