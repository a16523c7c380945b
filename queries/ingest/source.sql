-- Sources that the catalog does not know yet, numbered in order of arrival.
-- grain: one row per new source
-- params: revision (text), uri (text), license (text)
-- needs: arrived (ordinal, source, format)
select
    row_number() over (order by min(r.ordinal))
        + (select coalesce(max(source_id), 0) from source) as source_id,
    r.source as name,
    $revision as revision,
    $uri as uri,
    $license as license,
    arg_min(r.format, r.ordinal) as format
from arrived as r
anti join source as s on s.name = r.source and s.revision = $revision
group by r.source
