-- How many token counts a space has, and how many snapshots were selected with it.
-- grain: one row
-- params: space_id (integer)
select (
    select count(*)
    from sample_score as v
    join scorer as c on c.scorer_id = v.scorer_id
    where c.space_id = $space_id
) + (
    select count(*)
    from snapshot
    where space_id = $space_id
) as uses
