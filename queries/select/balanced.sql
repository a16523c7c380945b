-- An equal share of every source, drawn at random inside each; a source that is used up leaves its
-- share to the others, and a sample of several sources belongs to the first by name.
-- grain: one row per selected sample, in order
-- needs: pool (sample_id, content_hash, source)
-- params: size (integer) - samples to select; seed (integer)
with drawn as (
    select
        sample_id,
        md5($seed::varchar || lower(hex(content_hash))) as draw,
        row_number() over (
            partition by source
            order by md5($seed::varchar || lower(hex(content_hash)))
        ) - 1 as rank
    from pool
)
select
    sample_id,
    rank,
    row_number() over (order by rank, draw) - 1 as turn
from drawn
order by turn
limit $size
