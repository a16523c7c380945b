-- Exposures that a sampler repeated: flagged as such, or at a place of the data set that the same epoch
-- of the same run had before.
-- grain: one row
-- needs: shown (run_id, step, micro_step, rank, position, epoch, dataset_position, sample_start, repeated)
with places as (
    select
        run_id,
        epoch,
        dataset_position,
        sample_start,
        count(*) as exposures,
        bool_or(repeated) as flagged
    from shown
    where dataset_position is not null
    group by run_id, epoch, dataset_position, sample_start
),
-- places whose first exposure is flagged too: repeats of what some other rank lost
flagged_first as (
    select arg_min(s.repeated, (s.step, s.micro_step, s.rank, s.position)) as flagged
    from shown as s
    join places as p
        on p.run_id = s.run_id
        and p.epoch = s.epoch
        and p.dataset_position = s.dataset_position
        and p.sample_start is not distinct from s.sample_start
    where p.flagged
    group by s.run_id, s.epoch, s.dataset_position, s.sample_start
)
select
    coalesce((select sum(exposures - 1) from places), 0)::bigint
    + (select count(*) from flagged_first where flagged)
    + (select count(*) from shown where repeated and dataset_position is null) as repeats
