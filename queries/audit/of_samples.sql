-- What is counted by source: exposures with their tokens, none told being 0.
-- grain: one row per exposure
-- needs: shown (sample_id, contributed, tokens, loss_tokens)
select
    sample_id,
    contributed::integer as contributed,
    coalesce(tokens, 0) as tokens,
    coalesce(loss_tokens, 0) as loss_tokens
from shown
