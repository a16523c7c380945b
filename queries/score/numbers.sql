-- How many rows of a file of scores hold a number, a text that is none, a value at all, and the name
-- of a sample.
-- grain: one row
-- needs: cell_row (line, broken, key, source, number, text)
select
    count(*) as rows,
    count(*) filter (
        where isfinite(coalesce(number, try_cast(text as double)))
    ) as numbers,
    count(*) filter (
        where number is null and text != '' and try_cast(text as double) is null
    ) as texts,
    count(*) filter (where number is not null or text != '') as given,
    count(key) as named
from cell_row
