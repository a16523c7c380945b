-- Samples that the run left out before training, on the way to its head.
-- grain: one row per sample
-- needs: heads (run_id, head, step, generation)
select distinct coalesce(k.sample_id, d.sample_id) as sample_id
from dropped_sample as d
join branch as b on b.run_id = d.run_id and b.attempt = d.attempt
join heads as h on h.run_id = b.run_id and h.head = b.head and h.generation = 0
left join known as k on k.logged_id = d.sample_id
order by sample_id
