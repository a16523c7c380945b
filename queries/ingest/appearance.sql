-- Where the arriving rows come from, as far as that is new.
-- The same source, file, sample, id and metadata is the same appearance: a file read again, or read
-- again with more rows, adds only what is new. One file may well hold a row twice, so the rows of
-- this job do not count as known.
-- grain: one row per row of the input that was not there before
-- params: paths (list of text) - staged Parquet files, job_id (integer), revision (text)
-- needs: arrived (ordinal, sample_id)
select
    a.sample_id,
    s.source_id,
    r.external_id,
    r.file,
    r.line,
    r.metadata,
    $job_id as job_id
from read_parquet($paths) as r
join arrived as a on a.ordinal = r.ordinal
join source as s on s.name = r.source and s.revision = $revision
where not exists (
    select 1
    from sample_source as k
    where k.sample_id = a.sample_id
        and k.source_id = s.source_id
        and k.file = r.file
        and k.job_id != $job_id
        and k.external_id is not distinct from r.external_id
        and k.metadata::varchar is not distinct from r.metadata
)
