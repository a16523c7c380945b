-- What became of the rows of a file of scores, with the first few of each.
-- grain: one row per verdict
-- needs: judged_row (line, key, sample_id, value, label, verdict)
select
    verdict,
    count(*) as rows,
    min_by(
        'row ' || line || coalesce(': ' || key, '') || coalesce(' = ' || coalesce(label, value::varchar), ''),
        line,
        3
    ) as examples
from judged_row
group by verdict
order by verdict
