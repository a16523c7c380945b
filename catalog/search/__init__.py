"""Search for people: by text or example, exact or by a vector index with its measured recall."""
