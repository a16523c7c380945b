-- Between which numbers all ids of samples lie: those of hashes that the catalog does not know are below 0.
-- grain: one row
select
    least(coalesce((select min(sample_id) from unknown_sample), 0), 0) as first,
    greatest(coalesce((select max(sample_id) from sample), 0), 0) as last
