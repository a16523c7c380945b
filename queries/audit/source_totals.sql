-- One source in numbers.
-- grain: at most one row
-- params: source (text)
-- needs: source_sets (held, elsewhere)
select
    bit_count(s.held)::bigint as samples,
    bit_count(s.held & ~s.elsewhere)::bigint as only_there,
    (
        select count(*)
        from sample_source as a
        join source as o on o.source_id = a.source_id
        where o.name = $source
    ) as appearances,
    (select list(distinct revision order by revision) from source where name = $source) as revisions,
    (select list(distinct license order by license) from source where name = $source) as licenses,
    (select list(distinct uri order by uri) from source where name = $source) as uris
from source_sets as s
