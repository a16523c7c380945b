"""The source that brought every sample beside it, and which appearances came after."""

from alembic import op

revision = "0006"
down_revision = "0005"

# Columns are renamed and typed anew to stand where a new home has them, without writing the text
# again; all before the updates, after which DuckDB alters a table no more.
STATEMENTS = """
create temp table brought as
select
    sample_id,
    min((change_id, rowid, source_id)) as first
from sample_source
group by sample_id;
alter table sample rename column change_id to source_id;
alter table sample add column change_id bigint default 0;
alter table sample alter column change_id drop default;
alter table sample alter column change_id type bigint using source_id;
alter table sample alter column change_id set not null;
alter table sample alter column source_id type bigint using 0;
alter table sample_source rename column change_id to repeated;
alter table sample_source add column change_id bigint default 0;
alter table sample_source alter column change_id drop default;
alter table sample_source alter column change_id type bigint using repeated;
alter table sample_source alter column change_id set not null;
alter table sample_source alter column repeated type boolean using false;
update sample
set source_id = b.first[3]
from brought as b
where b.sample_id = sample.sample_id;
update sample_source
set repeated = true
where rowid not in (
    select first[2]
    from brought
);
drop table brought;
"""


def upgrade() -> None:
    """Write down what `sample_source` tells only when it is read whole."""
    for statement in filter(str.strip, STATEMENTS.split(";")):
        op.execute(statement)
