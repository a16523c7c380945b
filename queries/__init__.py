"""SQL, data only: one SELECT per file, loaded by `catalog.sql`."""
