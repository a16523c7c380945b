-- Rows of JSON as cells: what names the sample, its source, and what is said of it.
-- grain: one row per row of the file
-- params: keys (list of text) - where a sample may be named, the surest first; values (list of text)
-- needs: raw_row (line, raw)
with parsed as (
    select
        line,
        case when json_valid(raw) and json_type(raw) = 'OBJECT' then raw::json end as object
    from raw_row
    where trim(raw) != ''
),
found as (
    select
        line,
        object is null as broken,
        list_filter(json_extract_string(object, $keys), lambda text: text is not null)[1] as key,
        object ->> 'source' as source,
        list_filter(
            json_extract(object, $values),
            lambda value: value is not null and json_type(value) != 'NULL'
        )[1] as value
    from parsed
)
select
    line,
    broken,
    key,
    source,
    case
        when json_type(value) = 'BOOLEAN' then (value::boolean)::double
        when json_type(value) not in ('VARCHAR', 'ARRAY', 'OBJECT')
            then coalesce(try_cast(value as double), 'nan'::double)
    end as number,
    case when json_type(value) not in ('ARRAY', 'OBJECT') then value ->> '$' end as text
from found
order by line
