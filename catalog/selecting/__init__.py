"""Choosing: a pool, ranked lists and a rule become ordered members, each with its reason."""
