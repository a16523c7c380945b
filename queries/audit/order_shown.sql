-- When samples were shown to the run itself, its ancestors aside.
-- grain: one row per exposure
-- needs: shown (generation, epoch, step, sample_id)
select
    epoch,
    step,
    sample_id
from shown
where generation = 0
