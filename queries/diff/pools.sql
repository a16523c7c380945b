-- What changed in the catalog between the pools that two snapshots saw.
-- grain: one row
-- params: first (integer), last (integer) - change_ids, in order
with changed as (
    select
        sample_id,
        arg_max(retired, change_id) as retired
    from retirement
    where change_id > $first and change_id <= $last
    group by sample_id
)
select
    (select count(*) from sample where change_id > $first and change_id <= $last)::bigint
        as samples_added,
    (select count(*) from changed where retired)::bigint as samples_retired,
    (select count(*) from changed where not retired)::bigint as samples_restored,
    (select count(*) from task where change_id > $first and change_id <= $last)::bigint
        as task_revisions,
    (
        select count(distinct sample_id)
        from contamination_mark
        where change_id > $first and change_id <= $last
    )::bigint as samples_marked,
    (select count(*) from sample_score where change_id > $first and change_id <= $last)::bigint
        as scores
