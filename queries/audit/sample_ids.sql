-- The ids under which ledgers name one sample: its own, and that of its hash before it was here.
-- grain: one row for its own id, one more if its hash had another
-- params: sample_id (integer)
select $sample_id as sample_id
union
select logged_id as sample_id
from known
where sample_id = $sample_id
order by sample_id
