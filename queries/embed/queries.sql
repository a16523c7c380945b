-- The conversations of some queries.
-- grain: one row per query
-- params: ids (list of integer)
select
    query_id as id,
    messages
from query
where query_id in (select unnest($ids))
order by query_id
