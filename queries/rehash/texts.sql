-- What the hashes of some samples are of, in no order: the bytes that `catalog.identity` makes of a
-- conversation, or the conversation itself, where tools or further fields of messages belong to it.
-- grain: one row per sample that is there
-- params: first (integer), last (integer) - sample ids
-- needs: wanted (sample_id)
with chosen as (
    select
        sample_id,
        content_hash,
        messages,
        tools,
        messages is not null
            and tools is null
            and not coalesce(
                list_bool_or(
                    list_transform(
                        messages,
                        lambda m: m.role is null or m.content is null or m.extra is not null
                    )
                ),
                false
            ) as plain
    from sample
    where sample_id between $first and $last
        and sample_id in (select sample_id from wanted)
)
select
    sample_id,
    content_hash,
    coalesce(len(messages), 0) > 0 as has_text,
    case
        when plain then concat(
            'conversation/1;',
            len(messages),
            ':',
            array_to_string(
                list_transform(
                    messages,
                    lambda m: concat(
                        'm', strlen(m.role), ':', m.role, 's', strlen(m.content), ':', m.content, 'n'
                    )
                ),
                ''
            ),
            'n'
        )
    end as encoded,
    case when not plain then messages end as messages,
    case when not plain then tools end as tools
from chosen
