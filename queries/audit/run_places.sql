-- Whether any place of a data set was shown more than once in an epoch of a run, or may have been.
-- grain: one row
-- params: places (integer) - more than any place's number
-- needs: shown (run_id, epoch, dataset_position, sample_start, repeated)
select coalesce(bool_or(flagged or pieces or exposures > places), false) as repeated
from (
    select
        bool_or(repeated) as flagged,
        bool_or(sample_start > 0) as pieces,
        count(dataset_position) as exposures,
        coalesce(bit_count(bitstring_agg(dataset_position, 0, $places)), 0) as places
    from shown
    group by run_id, epoch
)
