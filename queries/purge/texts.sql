-- All that some samples say, and all that their sources said beside it.
-- grain: one row per text
-- needs: chosen (sample_id)
select
    s.sample_id,
    m.message.content as text,
    false as escaped
from sample as s
semi join chosen as c on c.sample_id = s.sample_id
cross join unnest(s.messages) as m (message)
where m.message.content is not null
union all
select
    s.sample_id,
    m.message.extra::varchar as text,
    true as escaped
from sample as s
semi join chosen as c on c.sample_id = s.sample_id
cross join unnest(s.messages) as m (message)
where m.message.extra is not null
union all
select
    s.sample_id,
    s.tools::varchar as text,
    true as escaped
from sample as s
semi join chosen as c on c.sample_id = s.sample_id
where s.tools is not null
union all
select
    a.sample_id,
    a.metadata::varchar as text,
    true as escaped
from sample_source as a
semi join chosen as c on c.sample_id = a.sample_id
where a.metadata is not null
order by sample_id, escaped, text
