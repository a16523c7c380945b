-- Rows that arrive of samples that the pool knows. Keys are compared first, a quarter of the bytes to
-- read of the whole pool.
-- grain: one row per accepted row whose sample is known
-- needs: staged (ordinal, content_hash, order_key)
with near as materialized (
    select s.sample_id
    from sample as s
    semi join staged as r on r.order_key = s.order_key
)
select
    r.ordinal,
    s.sample_id
from staged as r
join sample as s on s.content_hash = r.content_hash
where s.sample_id in (select sample_id from near)
