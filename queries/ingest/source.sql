-- Sources that the catalog does not know yet.
-- grain: one row per new source
-- params: paths (list of text) - staged Parquet files, revision (text), uri (text), license (text)
select
    row_number() over (order by r.source) + (select coalesce(max(source_id), 0) from source)
        as source_id,
    r.source as name,
    $revision as revision,
    $uri as uri,
    $license as license,
    min(r.format) as format
from read_parquet($paths) as r
anti join source as s on s.name = r.source and s.revision = $revision
group by r.source
