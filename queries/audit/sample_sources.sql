-- Where one sample came from.
-- grain: one row per appearance
-- params: sample_id (integer)
select
    source,
    revision,
    external_id,
    file,
    line,
    license,
    metadata
from appearance
where sample_id = $sample_id
order by rank
