-- What led to each head, the end of an attempt: the exposures on its chain of attempts. They
-- contributed if their step was applied and some of their tokens had a loss, or nothing is said of it.
-- grain: one row per (head, exposure); a sample_id below 0 is a hash that the catalog does not know
select
    e.run_id,
    b.head,
    e.attempt,
    e.step,
    e.micro_step,
    e.rank,
    e.position,
    e.epoch,
    coalesce(k.sample_id, e.sample_id) as sample_id,
    e.dataset_position,
    e.sample_start,
    e.tokens,
    e.truncated_tokens,
    e.loss_tokens,
    e.repeated,
    t.applied,
    coalesce(t.applied, false) and coalesce(e.loss_tokens, 1) > 0 as contributed
from exposure as e
join branch as b
    on b.run_id = e.run_id
    and b.attempt = e.attempt
    and e.step >= b.first_step
    and e.step <= coalesce(b.last_step, 9223372036854775807)
left join training_step as t
    on t.run_id = e.run_id
    and t.attempt = e.attempt
    and t.rank = e.rank
    and t.step = e.step
left join known as k on k.logged_id = e.sample_id
