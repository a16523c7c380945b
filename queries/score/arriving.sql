-- The scores of a file that are to be kept.
-- grain: one row per sample
-- params: scorer_id (integer), replace (integer) - 1 if changed ones count too
-- needs: judged_row (line, key, sample_id, value, label, verdict)
select
    sample_id,
    $scorer_id as scorer_id,
    value,
    label,
    null::boolean as truncated
from judged_row
where verdict = 'new'
    or (verdict = 'changed' and $replace = 1)
order by sample_id
