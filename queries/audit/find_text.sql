-- The samples in which a text is, exactly, the content of a message.
-- grain: one row per sample
-- params: text (text)
select
    sample_id,
    lower(hex(content_hash)) as hash,
    list_distinct([m.role for m in messages if m.content = $text]) as roles
from sample
where list_contains([m.content for m in messages], $text)
order by hash
