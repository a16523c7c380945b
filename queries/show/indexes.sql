-- Every vector index, as it was measured when it was built.
-- grain: one row per index
select
    e.name as space,
    i.kind,
    i.samples,
    i.recall,
    i.recall_at,
    i.queries,
    i.parameters,
    i.built_at
from vector_index as i
join embedding_space as e on e.space_id = i.space_id
order by e.name
