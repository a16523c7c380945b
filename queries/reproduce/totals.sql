-- How what a recipe gives now differs from what was frozen, in numbers. Scores are close if they
-- differ by less than a millionth of themselves, as sums added up in another order do.
-- grain: one row
-- params: snapshot_id (integer)
-- needs: remade (position, sample_id, score, task, query_id, rank, turn, repeats)
with kept as (
    select *
    from snapshot_member
    where snapshot_id = $snapshot_id
),
placed as (
    select
        coalesce(k.position, r.position) as position,
        k.sample_id is not distinct from r.sample_id as same_sample,
        k.task is not distinct from r.task
            and k.query_id is not distinct from r.query_id
            and k.rank is not distinct from r.rank
            and k.turn is not distinct from r.turn
            and k.repeats is not distinct from r.repeats as same_reason,
        k.score is not distinct from r.score as same_score,
        k.repeats is not distinct from r.repeats as same_repeats
    from kept as k
    full join remade as r on r.position = k.position
),
matched as (
    select
        k.sample_id as kept_id,
        r.sample_id as remade_id,
        k.position != r.position as moved,
        abs(k.score - r.score) > 1e-6 * greatest(abs(k.score), abs(r.score)) as drifted
    from kept as k
    full join remade as r on r.sample_id = k.sample_id
),
-- What stood at one turn then and now: a turned near-tie puts its two samples at each other's.
turned as (
    select
        k.sample_id as kept_id,
        r.sample_id as remade_id,
        coalesce(
            abs(k.score - r.score) <= 1e-6 * greatest(abs(k.score), abs(r.score)),
            false
        ) as close_score
    from kept as k
    join remade as r on coalesce(r.turn, r.position) = coalesce(k.turn, k.position)
    where k.sample_id != r.sample_id
),
-- Samples that came in at a turn within the old cut where nothing was taken before.
strays as (
    select r.sample_id
    from remade as r
    anti join kept as k on k.sample_id = r.sample_id
    where coalesce(r.turn, r.position) < (select max(coalesce(turn, position)) from kept)
        and coalesce(r.turn, r.position) not in (select coalesce(turn, position) from kept)
)
select
    (select count(*) from kept)::bigint as kept,
    (select count(*) from remade)::bigint as remade,
    (select min(position) from placed where not same_sample) as first_difference,
    (select count(*) from placed where not same_sample)::bigint as places,
    (select count(*) from turned where close_score)::bigint as near_ties,
    (select count(*) from turned where not close_score)
        + (select count(*) from strays) as far_apart,
    (select count(*) from placed where same_sample and not same_reason)::bigint as reasons,
    (select count(*) from placed where same_sample and not same_repeats)::bigint as repeated,
    (select count(*) from placed where same_sample and same_reason and not same_score)::bigint
        as scores,
    (select count(*) from matched where remade_id is null)::bigint as went,
    (select count(*) from matched where kept_id is null)::bigint as came,
    (select count(*) from matched where moved)::bigint as moved,
    (select count(*) from matched where drifted)::bigint as drifted,
    (select count(*) from kept anti join sample using (sample_id))::bigint as purged
