-- Where every sample came from, the first appearance being rank 1: by the names of source, revision
-- and file, then by line, so that it is the same whatever the order of ingest.
-- grain: one row per appearance of a sample in a source
select
    a.sample_id,
    s.name as source,
    s.revision,
    a.external_id,
    a.file,
    a.line,
    a.metadata,
    s.license,
    s.uri,
    a.job_id,
    row_number() over (
        partition by a.sample_id
        order by s.name, s.revision, a.file, a.line, a.job_id
    ) as rank
from sample_source as a
join source as s on s.source_id = a.source_id
