-- The last change that a selection could notice: of samples, their sources, retirements, queries,
-- vectors, scores, scorers (every space brings one) and contamination marks.
-- grain: one row
select
    greatest(
        (select coalesce(max(change_id), 0) from sample),
        (select coalesce(max(change_id), 0) from sample_source),
        (select coalesce(max(change_id), 0) from retirement),
        (select coalesce(max(change_id), 0) from query),
        (select coalesce(max(change_id), 0) from sample_score),
        (select coalesce(max(change_id), 0) from scorer),
        (select coalesce(max(change_id), 0) from contamination_check)
    ) as change_id
