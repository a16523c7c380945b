-- Rows of a file of scores, the sample that each names, and what is to become of it: `new`,
-- `changed`, `same`, `repeated`, or why it is refused.
-- grain: one row per row of the file
-- params: scorer_id (integer), texts (integer) - 1 if scores are texts; source (text or null)
-- needs: cell_row (line, broken, key, source, number, text)
with given as (
    select
        line,
        broken,
        trim(key) as key,
        coalesce($source, source) as source,
        case when $texts = 0 then coalesce(number, try_cast(text as double)) end as value,
        case when $texts = 1 then nullif(trim(text), '') end as label,
        coalesce(trim(text), '') = '' and number is null as empty
    from cell_row
),
wanted as (
    select distinct
        key,
        source,
        case
            when regexp_full_match(key, '[0-9a-fA-F]{64}') then unhex(key)
        end as content_hash
    from given
    where key is not null
),
named as (
    select
        w.key,
        w.source,
        coalesce(any_value(s.sample_id), min(e.sample_id)) as sample_id,
        case
            when count(s.sample_id) > 0 then 1
            else count(distinct e.sample_id)
        end as samples
    from wanted as w
    left join sample as s on s.content_hash = w.content_hash
    left join (
        select
            a.external_id,
            a.sample_id,
            o.name as source
        from sample_source as a
        join source as o on o.source_id = a.source_id
    ) as e on e.external_id = w.key and (w.source is null or e.source = w.source)
    group by w.key, w.source
),
placed as (
    select
        g.*,
        coalesce(n.samples, 0) as samples,
        case when n.samples = 1 then n.sample_id end as sample_id,
        case
            when $texts = 1 then g.label is not null
            else coalesce(isfinite(g.value), false)
        end as usable
    from given as g
    left join named as n on n.key = g.key and n.source is not distinct from g.source
),
agreed as (
    select
        *,
        row_number() over (partition by sample_id, usable order by line) as place,
        min(value) over (partition by sample_id, usable) is distinct from
            max(value) over (partition by sample_id, usable)
        or min(label) over (partition by sample_id, usable) is distinct from
            max(label) over (partition by sample_id, usable) as contradicting
    from placed
)
select
    a.line,
    a.key,
    a.sample_id,
    a.value,
    a.label,
    case
        when a.broken then 'no JSON object'
        when a.key is null or a.key = '' then 'names no sample'
        when a.empty then 'no value'
        when not a.usable then 'no finite number'
        when a.samples = 0 then 'unknown sample'
        when a.samples > 1 then 'id of several samples'
        when a.contradicting then 'several scores of one sample'
        when a.place > 1 then 'repeated'
        when k.sample_id is null then 'new'
        when k.value is not distinct from a.value and k.label is not distinct from a.label then 'same'
        else 'changed'
    end as verdict
from agreed as a
left join (
    select
        sample_id,
        value,
        label
    from sample_score
    where scorer_id = $scorer_id
) as k on k.sample_id = a.sample_id and a.usable
order by a.line
