-- What each run was shown, in every attempt; a hash the catalog does not know has no sample_id.
-- grain: one row per exposure
select
    r.name as run,
    e.attempt,
    e.step,
    e.micro_step,
    e.rank,
    e.position,
    e.epoch,
    case when e.sample_id > 0 then e.sample_id else k.sample_id end as sample_id,
    lower(hex(coalesce(c.content_hash, u.content_hash))) as hash,
    e.dataset_position,
    e.tokens,
    e.truncated_tokens,
    e.loss_tokens,
    e.repeated
from exposure as e
join run as r on r.run_id = e.run_id
left join sample as c on c.sample_id = e.sample_id
left join unknown_sample as u on u.sample_id = e.sample_id
left join known as k on k.logged_id = e.sample_id
