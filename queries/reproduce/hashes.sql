-- The content hashes of what a recipe gives now, in order, and how often each counts.
-- grain: one row per member
-- needs: remade (position, sample_id, score, task, query_id, rank, turn, repeats)
select
    s.content_hash,
    r.repeats
from remade as r
join sample as s on s.sample_id = r.sample_id
order by r.position
