-- The hashes that ledgers name, that begin as told, and whose samples are not in the catalog.
-- grain: one row per hash
-- params: digits (text)
select
    u.sample_id,
    lower(hex(u.content_hash)) as hash
from unknown_sample as u
anti join known as k on k.logged_id = u.sample_id
where starts_with(lower(hex(u.content_hash)), $digits)
order by hash
