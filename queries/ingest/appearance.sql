-- Where the arriving rows come from, as far as that is new.
-- The same source, file, sample, id and metadata is the same appearance: a file read again, or read
-- again with more rows, adds only what is new. One file may well hold a row twice, so the rows of
-- this job do not count as known. The row that brings a sample is its first appearance, and the only
-- one that is not repeated: with `sample.source_id` it need not be looked up to name a source.
-- grain: one row per row of the input that was not there before
-- params: job_id (integer), revision (text)
-- needs: arrived (ordinal, content_hash, source, …, sample_id); fresh (content_hash, ordinal, sample_id)
with known as (
    select
        k.sample_id,
        s.name as source,
        k.file,
        k.external_id,
        k.metadata::varchar as metadata
    from sample_source as k
    join source as s on s.source_id = k.source_id
    where s.revision = $revision
        and k.job_id != $job_id
        and k.sample_id in (select sample_id from arrived where sample_id is not null)
)
select
    coalesce(a.sample_id, f.sample_id) as sample_id,
    s.source_id,
    a.external_id,
    a.file,
    a.line,
    a.metadata,
    $job_id as job_id,
    f.ordinal is distinct from a.ordinal as repeated
from arrived as a
left join fresh as f on f.content_hash = a.content_hash
join source as s on s.name = a.source and s.revision = $revision
where not exists (
    select 1
    from known as k
    where k.sample_id = a.sample_id
        and k.source = a.source
        and k.file = a.file
        and k.external_id is not distinct from a.external_id
        and k.metadata is not distinct from a.metadata
)
order by a.ordinal
