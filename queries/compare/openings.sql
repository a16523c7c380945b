-- Which samples begin with the same words of the user: each with the smallest id that does.
-- grain: one row per wanted sample
-- needs: wanted (sample_id)
select
    s.sample_id,
    min(s.sample_id) over (
        partition by coalesce(
            md5(list_filter(s.messages, lambda m: m.role = 'user')[1].content),
            -- a sample without words of the user begins like no other
            s.sample_id::varchar
        )
    ) as opening
from sample as s
join wanted as w on w.sample_id = s.sample_id
order by s.sample_id
