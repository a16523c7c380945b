"""The history of the tables, run by Alembic on a connection that `catalog.migrate` lends it."""
