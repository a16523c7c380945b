-- The samples that external ids stand for.
-- grain: one row per id
-- needs: wanted (external_id)
select
    w.external_id,
    any_value(s.content_hash order by s.order_key) as content_hash,
    count(distinct s.sample_id) as samples
from (select distinct external_id from wanted) as w
left join sample_source as a on a.external_id = w.external_id
left join sample as s on s.sample_id = a.sample_id
group by w.external_id
order by w.external_id
