"""The catalog's own table functions in SQL: nearest, similarity and neighbor, exact."""
