-- What a check of the pool depends on: as long as this stays, so does its outcome.
-- grain: one row
select
    (select count(*) from sample) as samples,
    (select coalesce(max(change_id), 0) from sample) as newest_sample,
    (select coalesce(max(change_id), 0) from retirement) as newest_retirement
