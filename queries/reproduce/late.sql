-- How many of the members that a recipe gives now were embedded after its snapshot was made.
-- grain: one row
-- params: space_id (integer), clock (integer) - a change_id
-- needs: remade (position, sample_id, score, task, query_id, rank, turn, repeats)
select count(*) as members
from remade as r
join sample_score as v on v.sample_id = r.sample_id and v.change_id > $clock
join scorer as c on c.scorer_id = v.scorer_id and c.name = 'tokens' and c.space_id = $space_id
