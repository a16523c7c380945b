-- Members as JSON lines, byte for byte as Python's json writes them, each with its end of line; null
-- for one that it would write otherwise: one with tools, further fields of messages, or control
-- characters, whose numbers DuckDB writes in capitals. In the order of `part`, which DuckDB keeps where
-- nothing is joined, grouped or sorted: to sort lines takes longer than to write them.
-- grain: one row per member
-- params: snapshot (text) - name@version
-- needs: part (id, dataset, messages, tools, content_hash, position, repeats, score, task, query, rank, sources)
with written as (
    select
        list_bool_or(list_transform(messages, lambda m: m.extra is not null)) or tools is not null
            as has_more,
        -- one call: every `||` would copy what is before it once more
        concat(
            '{"id": ',
            to_json(id),
            ', "dataset": ',
            coalesce(to_json(dataset), 'null'),
            ', "messages": [',
            array_to_string(
                list_transform(
                    messages,
                    lambda m: concat(
                        '{"role": ',
                        to_json(m.role),
                        ', "content": ',
                        coalesce(to_json(m.content), 'null'),
                        '}'
                    )
                ),
                ', '
            ),
            '], "catalog": {"content_hash": "',
            content_hash,
            '", "snapshot": ',
            to_json($snapshot::text),
            ', "position": ',
            position,
            ', "repeats": ',
            repeats,
            ', "score": ',
            case
                when score is null then 'null'
                when isnan(score) then 'NaN'
                when isinf(score) then if(score > 0, 'Infinity', '-Infinity')
                else score::double::text
            end,
            ', "task": ',
            coalesce(to_json(task), 'null'),
            ', "query": ',
            coalesce(to_json(query), 'null'),
            ', "rank": ',
            coalesce(rank::text, 'null'),
            ', "sources": ',
            coalesce(
                '['
                || array_to_string(
                    list_transform(sources, lambda source: to_json(source)::text), ', '
                )
                || ']',
                'null'
            ),
            '}}',
            chr(10)
        ) as line
    from part
)
select case when not has_more and not contains(line, '\u00') then line end as line
from written
