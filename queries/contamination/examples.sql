-- The clearest marks of a check, no item twice, one of each source and kind first, with both texts.
-- grain: one row per mark
-- params: check_id (integer), most (integer)
with clearest as (
    select
        m.*,
        p.source,
        p.hash,
        p.order_key,
        p.messages as sample_messages
    from contamination_mark as m
    join pool as p on p.sample_id = m.sample_id
    where m.check_id = $check_id
    qualify row_number() over (
        partition by m.query_id
        order by m.score desc, length(m.evidence) desc, p.order_key, m.kind, m.part
    ) = 1
),
turned as (
    select
        *,
        row_number() over (
            partition by source, kind
            order by score desc, length(evidence) desc, order_key, query_id
        ) as turn
    from clearest
)
select
    t.source,
    t.hash,
    t.kind,
    t.part,
    t.score,
    t.evidence,
    t.query_id,
    t.sample_messages,
    q.messages as item_messages
from turned as t
join query as q on q.query_id = t.query_id
order by t.turn, t.score desc, t.source, t.kind, t.order_key, t.query_id
limit $most
