-- The names of all sources, in order of the places they have in origins.
-- grain: one row per name
select distinct name
from source
order by name
