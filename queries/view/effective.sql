-- What led to the newest model of each run: the exposures that no later attempt undid.
-- grain: one row per exposure; a sample_id below 0 is a hash that the catalog does not know
select
    h.run,
    x.*
from reached as x
join head as h on h.run_id = x.run_id and h.attempt = x.head
