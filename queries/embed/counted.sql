-- How many samples have a token count of a space.
-- grain: one row
-- params: scorer_id (integer)
select count(*) as samples
from sample_score
where scorer_id = $scorer_id
