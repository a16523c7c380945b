-- Exposures that did not contribute, by the cause.
-- grain: one row per cause
-- needs: shown (step, sample_id, applied, contributed)
select
    case
        when applied is null then 'the step was never confirmed'
        when not applied then 'the step was skipped'
        else 'no token had a loss'
    end as cause,
    count(*) as exposures,
    count(distinct sample_id) as samples,
    min(step) as first_step,
    max(step) as last_step
from shown
where not contributed
group by cause
order by exposures desc, cause
