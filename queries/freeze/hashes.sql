-- The content hashes of the chosen samples, in order.
-- grain: one row per member
-- needs: chosen (position, sample_id, repeats)
select
    s.content_hash,
    c.repeats
from chosen as c
join sample as s on s.sample_id = c.sample_id
order by c.position
