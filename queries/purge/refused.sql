-- What refused rows say, a stretch of them at a time.
-- grain: one row per distinct text
-- params: after (text), count (integer) - texts of a larger digest, at most so many
with said as (
    select raw as text
    from rejection
    union
    select detail as text
    from rejection
)
select
    md5(text) as digest,
    text
from said
where text != '' and md5(text) > $after
order by digest
limit $count
